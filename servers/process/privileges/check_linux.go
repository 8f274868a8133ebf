package privileges

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Check proves that each thread of this process is t and nothing more: its user and group
// numbers (real, effective, saved, of the file system), its supplementary groups, no
// capability in any set, no_new_privs, and that it can't become root again. It tries that
// last, if all else is well. The error names the first thread that is something else.
func Check(t Target) error {
	if err := check(os.DirFS("/proc/self/task"), t); err != nil {
		return err
	}
	for name, become := range map[string]func(int) error{"setuid(0)": syscall.Setuid, "setgid(0)": syscall.Setgid} {
		if err := become(0); err == nil {
			return fmt.Errorf("%s succeeded: root's rights can be had again", name)
		}
	}
	return nil
}

// check reads the threads' status files (proc_pid_status(5)) below tasks.
func check(tasks fs.FS, t Target) error {
	threads, err := fs.ReadDir(tasks, ".")
	if err != nil {
		return err
	}
	checked := 0
	for _, thread := range threads {
		text, err := fs.ReadFile(tasks, thread.Name()+"/status")
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return err
		}
		if err := t.is(status(text)); err != nil {
			return fmt.Errorf("thread %s: %w", thread.Name(), err)
		}
		checked++
	}
	if checked == 0 {
		return errors.New("no thread has a status")
	}
	return nil
}

// status are the fields of a status file.
func status(text []byte) map[string][]string {
	fields := make(map[string][]string)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.Fields(value)
	}
	return fields
}

// is tells what of a thread is not that of t. A field that is missing proves nothing.
func (t Target) is(thread map[string][]string) error {
	uid, gid := strconv.Itoa(t.UID), strconv.Itoa(t.GID)
	for name, want := range map[string][]string{
		"Uid": {uid, uid, uid, uid}, "Gid": {gid, gid, gid, gid}, "NoNewPrivs": {"1"}, "Groups": t.groups(),
	} {
		got, is := thread[name]
		if name == "Groups" {
			got = sorted(got)
		}
		if !is || !slices.Equal(got, want) {
			return fmt.Errorf("%s is %q, not %q", name, strings.Join(got, " "), strings.Join(want, " "))
		}
	}
	for _, name := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		got := strings.Join(thread[name], " ")
		if got == "" || strings.Trim(got, "0") != "" {
			return fmt.Errorf("%s is %q, not 0", name, got)
		}
	}
	return nil
}

func (t Target) groups() []string {
	all := make([]string, len(t.Supplementary))
	for i, id := range t.Supplementary {
		all[i] = strconv.Itoa(id)
	}
	return sorted(all)
}

// sorted is each group once, in an order that can be compared.
func sorted(groups []string) []string { return slices.Compact(slices.Sorted(slices.Values(groups))) }
