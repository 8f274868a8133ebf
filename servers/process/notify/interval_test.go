package notify

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// The watchdog is fed twice in each interval, as sd_watchdog_enabled(3) recommends.
func TestInterval(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "20000000")
	t.Setenv("WATCHDOG_PID", "")
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var ticks []time.Duration
		b := bus.New(nil)
		p := &Plugin{send: func(state string) error {
			if state == "WATCHDOG=1" {
				ticks = append(ticks, time.Since(began))
			}
			return nil
		}}
		p.Attach(b)
		if err := b.Publish(bus.Start).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(31 * time.Second)
		b.Publish(bus.Exit)
		b.Wait()
		for i, at := range ticks {
			if at != time.Duration(i)*10*time.Second {
				t.Errorf("tick %d after %v", i, at)
			}
		}
		if len(ticks) != 4 {
			t.Errorf("%d ticks", len(ticks))
		}
	})
}
