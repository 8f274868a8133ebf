package privileges

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// Drop makes this process t, for good, and then proves by Check that it is. The process must
// be root, or have CAP_SETUID, CAP_SETGID and CAP_SETPCAP. One that is t already, as it was
// made so before, is left as it is.
//
// After an error some of it may be done: the process should end.
func Drop(t Target) error {
	if Check(t) == nil {
		return nil
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"set its groups", func() error { return cap.SetGroups(t.GID, t.Supplementary...) }},
		{"set its user", func() error { return cap.SetUID(t.UID) }},
		{"empty its capability sets and set no_new_privs", cap.ModeNoPriv.Set}, // the last, as the others need one
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("become user %q: %s: %w%s", t.User, step.what, err, because(err))
		}
	}
	if err := Check(t); err != nil {
		return fmt.Errorf("become user %q: %w", t.User, err)
	}
	return nil
}

// because completes the error of a process that is not root.
func because(err error) string {
	if id := os.Geteuid(); errors.Is(err, syscall.EPERM) && id != 0 {
		return fmt.Sprintf(": only root may, and this is user %d", id)
	}
	return ""
}
