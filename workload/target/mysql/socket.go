package mysql

import (
	"net"
	"syscall"

	"flushbench/workload/target"
)

// socket is a connection that may be made to block: then Read and Write block their
// thread instead of going through the runtime's poller. Deadlines mean nothing then.
type socket struct {
	net.Conn // until it blocks
	// blocks carries it from then on; set before anybody else has the socket.
	blocks *target.Blocking
}

// dialled is what a session's connection is made of.
func dialled(c net.Conn) net.Conn { return &socket{Conn: c} }

// block makes a connection block from now on if it can. REQUIRES: nobody reads or
// writes.
func block(c net.Conn) {
	s, ok := c.(*socket)
	if !ok {
		return
	}
	sc, ok := s.Conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	if s.blocks = target.NewBlocking(raw); s.blocks != nil {
		_ = s.Conn.Close() // the other descriptor has the socket too
	}
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if s.blocks == nil {
		return s.Conn.Read(p)
	}
	return s.blocks.Read(p)
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (int, error) {
	if s.blocks == nil {
		return s.Conn.Write(p)
	}
	return s.blocks.Write(p)
}

// Close implements net.Conn. What blocks on it ends first. Safe for concurrent use,
// and to call twice.
func (s *socket) Close() error {
	if s.blocks == nil {
		return s.Conn.Close()
	}
	return s.blocks.Close()
}
