//go:build !linux

package control

import "errors"

var errNoPinning = errors.New("processors can be chosen on Linux only")

func allowed() (CPUs, error) { return nil, errNoPinning }
func pinThread(c CPUs) error {
	if len(c) == 0 {
		return nil
	}
	return errNoPinning
}
func pinSelf(CPUs) error { return errNoPinning }
