//go:build !unix

package target

import (
	"errors"
	"syscall"
)

// Blocking is a socket whose calls block their thread: on Unix alone.
type Blocking struct{}

var errNoBlocking = errors.New("target: no sockets that block on this system")

// NewBlocking returns nil: they are not to be had.
func NewBlocking(syscall.RawConn) *Blocking { return nil }

// Read implements io.Reader. It is not called.
func (*Blocking) Read([]byte) (int, error) { return 0, errNoBlocking }

// Write implements io.Writer. It is not called.
func (*Blocking) Write([]byte) (int, error) { return 0, errNoBlocking }

// Interrupt does nothing.
func (*Blocking) Interrupt() {}

// Close implements io.Closer. It is not called.
func (*Blocking) Close() error { return errNoBlocking }
