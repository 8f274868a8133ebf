package measure

import "time"

// Known is what a meter of CPU time tells, in ns; nil if the system does not.
func Known(meter func() (time.Duration, error)) *int64 {
	d, err := meter()
	if err != nil {
		return nil
	}
	ns := d.Nanoseconds()
	return &ns
}

// Between is how much a meter has gone on between two readings; nil if one is not known.
func Between(before, after *int64) *int64 {
	if before == nil || after == nil {
		return nil
	}
	d := *after - *before
	return &d
}
