//go:build !linux

package victim

import (
	"context"
	"errors"

	"flushbench/workload/crash/ledger"
)

// Launch says how to start a program that calls Main.
type Launch struct {
	Path string
	Args []string
	Env  []string
}

// Victim is a child process under load.
type Victim struct{}

// Start is not supported here: memory shared with a child, and a child that dies
// with its parent, are Linux's.
func Start(*Spec, Launch) (*Victim, error) {
	return nil, errors.New("victim: crash trials are not supported on this operating system")
}

// Ready, Began, Ledger, Ended, Exit, Pid, Freeze, Kill and Close see Linux.
func (*Victim) Ready(context.Context) error  { return nil }
func (*Victim) Began() int64                 { return 0 }
func (*Victim) Ledger() *ledger.Ledger       { return nil }
func (*Victim) Ended() <-chan struct{}       { return nil }
func (*Victim) Exit() (int, string)          { return 0, "" }
func (*Victim) Pid() int                     { return 0 }
func (*Victim) Freeze(context.Context) error { return nil }
func (*Victim) Kill() error                  { return nil }
func (*Victim) Close() error                 { return nil }
