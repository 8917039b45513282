package target

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Process is a process that can be told from a later one with the same number.
type Process struct {
	PID int `json:"pid"`
	// Start is when it began, in ticks since the boot, and Boot the id of that
	// boot; "" where the system does not say.
	Start string `json:"start,omitempty"`
	Boot  string `json:"boot,omitempty"`
}

// Self is this process.
func Self() Process {
	p := Process{PID: os.Getpid(), Boot: BootID()}
	p.Start, _ = startOf(p.PID)
	return p
}

// Lives reports whether p still runs on this machine. Where the system does not
// say when a process began, one that has p's number counts as p.
func (p Process) Lives() bool {
	if p.PID <= 0 || p.Boot != BootID() {
		return false
	}
	start, err := startOf(p.PID)
	if errors.Is(err, fs.ErrNotExist) && p.Start != "" {
		return false
	}
	return start == p.Start
}

// BootID names the boot of the machine (random(4)); "" where the system does not say.
func BootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// startOf reads field 22 of /proc/PID/stat, counted after the name in
// parentheses, which may hold spaces and parentheses.
func startOf(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: %d fields after the name, want 20 and more", pid, len(fields))
	}
	return string(fields[19]), nil
}
