// Package process tells a process from a later one that was given its number, and
// reaches it and its descendants alone: their state, their CPU time, signals.
//
// It starts nothing and knows no product. On systems that are not Linux it knows a
// process by its number alone, and sends no signals.
package process

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// ID is a process by its number and the time at which it began: the number alone may be
// given away again. The zero value is no process. Two are the same process if they are
// equal.
type ID struct {
	PID int `json:"pid"`
	// Start is when it began, in clock ticks since the boot, and Boot the id of that
	// boot; 0 and "" where the system does not say.
	Start Ticks  `json:"start,omitempty"`
	Boot  string `json:"boot,omitempty"`
}

// Ticks is a time in clock ticks since the boot.
type Ticks uint64

// UnmarshalJSON takes the number as a text too: files of older versions have it so.
func (t *Ticks) UnmarshalJSON(in []byte) error {
	n, err := strconv.ParseUint(strings.Trim(string(in), `"`), 10, 64)
	*t = Ticks(n)
	return err
}

// ErrUnsupported is returned where this system is not Linux.
var ErrUnsupported = errors.New("processes are watched and stopped on Linux alone")

// Self is this process. Where the system does not say more, it has the number alone.
func Self() ID {
	p, err := Of(os.Getpid())
	if err != nil {
		return ID{PID: os.Getpid(), Boot: Boot()}
	}
	return p
}

// Boot names the boot of the machine (random(4)); "" where the system does not say.
func Boot() string { return boot() }

var boot = sync.OnceValue(func() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
})

// Path is the path of what /proc says about a process.
func Path(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
