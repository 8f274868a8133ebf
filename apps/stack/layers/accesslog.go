package layers

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// AccessLog writes a line for each request when it has ended: when the app has answered with a whole
// body, or the stream was closed. It tells the bytes of the body that the server got from the app, which are not
// more than those that the client got, and the time until then. A request that failed has status 500, as
// servers answer it; a stream that broke has the status that it began with.
//
// Format common is that of NCSA and combined that of Apache; both have the time in microseconds at the
// end of each line (Apache's %D). The contract of apps does not tell the version of HTTP, so that the request
// line ends with the target, and the target is encoded anew from the path. JSON has an object on each line.
//
// The client is the peer of the connection. A client behind proxies, the user and the id of a request are those that
// the layers forwarded, basic-auth and request-id tell, where they stand outside of it; it can't see what those inside of it
// find.
//
// Lines are buffered for Flush, unless Unbuffered is set. What can't be written is lost, which is logged by
// slog. A process that is killed loses the lines of the last Flush.
type AccessLog struct {
	Format     string        `stack:"format" default:"combined" oneof:"common combined json" doc:"form of a line"`
	File       string        `stack:"file" doc:"file that lines are appended to; standard error, if it is not set"`
	Flush      time.Duration `stack:"flush" default:"1s" min:"1ms" max:"1h" doc:"how long a line may wait in the buffer"`
	Unbuffered bool          `stack:"unbuffered" doc:"whether each line is written at once"`
}

// About implements stack.Layer.
func (AccessLog) About() stack.About {
	return stack.About{Name: "access-log", Doc: "writes a line for each request when it has ended, in the form of NCSA, Apache or JSON"}
}

// Wrap implements stack.Layer.
func (l AccessLog) Wrap(next apps.App) (apps.App, error) {
	w := &logging{file: l.File, lines: &lines{flush: l.Flush}}
	if l.Unbuffered {
		w.lines.flush = 0
	}
	switch l.Format {
	case "json":
		log := slog.New(slog.NewJSONHandler(w.lines, nil))
		w.observer = observed(next, func(x *exchange) { logJSON(log, x) })
	default:
		combined := l.Format == "combined"
		w.observer = observed(next, func(x *exchange) {
			w.lines.write(func(line []byte) []byte { return appendNCSA(line, x, combined) })
		})
	}
	return w, nil
}

// logging is the app of AccessLog.
type logging struct {
	*observer
	file  string
	lines *lines
}

// Start implements apps.Starter. It fails if the file can't be opened.
func (w *logging) Start(context.Context) error {
	if w.file == "" {
		w.lines.open(os.Stderr, false)
		return nil
	}
	f, err := os.OpenFile(w.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return in("access-log", err)
	}
	w.lines.open(f, true)
	return nil
}

// Stop implements apps.Stopper. It writes what is in the buffer.
func (w *logging) Stop(context.Context) error { return in("access-log", w.lines.close()) }

// appendNCSA appends a line of the format common, or combined.
func appendNCSA(line []byte, x *exchange, combined bool) []byte {
	ctx := x.Context()
	line = appendClient(line, clientOf(ctx, x))
	line = append(line, " - "...)
	line = appendWord(line, UserOf(ctx))
	line = append(line, " ["...)
	line = x.start.AppendFormat(line, "02/Jan/2006:15:04:05 -0700")
	line = append(line, `] "`...)
	line = appendEscaped(line, x.Method())
	line = append(line, ' ')
	line = appendTarget(line, x)
	line = append(line, `" `...)
	line = appendInt(line, int64(x.status))
	line = append(line, ' ')
	if x.sent == 0 {
		line = append(line, '-')
	} else {
		line = appendInt(line, x.sent)
	}
	if combined {
		line = appendQuoted(line, x.Header("Referer"))
		line = appendQuoted(line, x.Header("User-Agent"))
	}
	line = append(line, ' ')
	line = appendInt(line, x.took.Microseconds())
	return append(line, '\n')
}

// logJSON writes an object with what the format combined tells, and the id of the request.
func logJSON(log *slog.Logger, x *exchange) {
	ctx := x.Context()
	attrs := make([]slog.Attr, 0, 12)
	for _, a := range []slog.Attr{
		slog.String("client", string(appendClient(nil, clientOf(ctx, x)))), slog.String("user", UserOf(ctx)), slog.String("request_id", RequestIDOf(ctx)),
		slog.String("method", x.Method()), slog.String("path", x.Path()), slog.String("query", x.Query()),
		slog.String("referer", x.Header("Referer")), slog.String("user_agent", x.Header("User-Agent")),
	} {
		if a.Value.String() != "" && a.Value.String() != "-" {
			attrs = append(attrs, a)
		}
	}
	attrs = append(attrs, slog.Int("status", x.status), slog.Int64("bytes", x.sent), slog.Float64("seconds", x.took.Seconds()))
	if x.err != nil {
		attrs = append(attrs, slog.String("error", x.err.Error()))
	}
	log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}
