package postgres

import (
	"fmt"
	"net"
	"time"

	"flushbench/workload/target"
)

var _ target.Interrupter = (*sessions)(nil)

// Interrupt implements target.Interrupter.
func (t *sessions) Interrupt() {
	t.cancel() // those that are connecting, and all that will
	// Close takes a session off the list, with the lock, before it closes its socket.
	t.server.sessions.Lock()
	defer t.server.sessions.Unlock()
	for x := range t.server.sessions.open {
		if x.of == t {
			x.w.interrupt()
		}
	}
}

// unlessInterrupted is err, or what it means where the sessions were interrupted.
func (t *sessions) unlessInterrupted(doing string, err error) error {
	if t.ctx.Err() != nil {
		return fmt.Errorf("postgres: %s: %w: interrupted", doing, target.ErrConnectionLost)
	}
	return err
}

// interrupt ends what waits on the connection, and all that will, with an error.
// Unlike all else it may be called by another goroutine, before close.
func (w *wire) interrupt() {
	switch c := w.conn.(type) {
	case *target.Blocking:
		c.Interrupt()
	case net.Conn:
		_ = c.SetDeadline(time.Unix(1, 0)) // it fails on a closed one alone
	}
}
