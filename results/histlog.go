package results

import (
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// ticksPerHalf is how many percentiles are written each time that the distance to
// 100 % halves; HdrHistogram's own tools write as many.
const ticksPerHalf = 5

// WritePercentiles writes a histogram in ns as HdrHistogram's percentile
// distribution, in ms, which its plotters read.
func WritePercentiles(w io.Writer, h *hdrhistogram.Histogram) error {
	if _, err := h.PercentilesPrint(w, ticksPerHalf, float64(time.Millisecond)); err != nil {
		return fmt.Errorf("write percentiles: %w", err)
	}
	return nil
}

// WriteLog writes a histogram in ns as an HdrHistogram log of one interval. It has no tag,
// because HistogramLogProcessor skips tags that its options do not name.
func WriteLog(w io.Writer, h *hdrhistogram.Histogram, from, to time.Time) error {
	h.SetTag("")
	h.SetStartTimeMs(from.UnixMilli())
	h.SetEndTimeMs(to.UnixMilli())
	log := hdrhistogram.NewHistogramLogWriter(w)
	for _, write := range []func() error{
		log.OutputLogFormatVersion,
		func() error { return log.OutputComment("[Times in ns; interval maximum in ms]") },
		func() error { return log.OutputStartTime(from.UnixMilli()) },
		log.OutputLegend,
		func() error { return log.OutputIntervalHistogram(h) },
	} {
		if err := write(); err != nil {
			return fmt.Errorf("write histogram log: %w", err)
		}
	}
	return nil
}
