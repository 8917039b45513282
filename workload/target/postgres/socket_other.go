//go:build !unix

package postgres

import (
	"io"
	"syscall"
)

// newBlocking is not to be had here.
func newBlocking(syscall.RawConn) io.ReadWriteCloser { return nil }

// writeSocket leaves the writing to the connection.
func writeSocket(uintptr, []byte) (n int, again bool, err error) { return 0, true, nil }

// readSocket is not called: there is nothing written to be answered.
func readSocket(uintptr, []byte) (n int, again bool, err error) { return 0, true, nil }
