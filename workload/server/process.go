package server

import "errors"

// process is a process by its number and the time at which it began, in clock
// ticks since the machine's start: the number alone may be given away again. The
// zero value is no process.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
}

// errUnsupported: this system is not Linux.
var errUnsupported = errors.New("private servers need Linux")
