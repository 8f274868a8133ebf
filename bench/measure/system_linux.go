package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errNoProcess is how reading a file of a process that has ended fails.
const errNoProcess = syscall.ESRCH

// Steal is the time the hypervisor has withheld from all processors together
// since boot: field 8 of the first line of /proc/stat (proc(5)), in ticks of 10 ms.
func Steal() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("read stolen time: %w", err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 {
		return 0, fmt.Errorf("read stolen time: /proc/stat begins %q", line)
	}
	ticks, err := strconv.ParseUint(string(fields[8]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read stolen time: %w", err)
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}

func memoryMiB() float64 {
	memory, err := fields("/proc/meminfo", "MemTotal:")
	if err != nil {
		return 0
	}
	return float64(memory[0]) / 1024
}

// osName is PRETTY_NAME of os-release(5).
func osName() string {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

func governor() string {
	text, err := os.ReadFile("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// hypervisor is the vendor that DMI names, or "virtual machine" where only the processor's
// hypervisor flag tells.
func hypervisor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || !bytes.Contains(text, []byte(" hypervisor")) {
		return ""
	}
	if vendor, err := os.ReadFile("/sys/class/dmi/id/sys_vendor"); err == nil {
		return strings.TrimSpace(string(vendor))
	}
	return "virtual machine"
}
