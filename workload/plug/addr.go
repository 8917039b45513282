package plug

import (
	"fmt"
	"net"
)

// isLoopback reports whether an address can be reached from this machine alone.
func isLoopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

// sameMachine reports whether both ends of a connection are on this machine.
func sameMachine(c net.Conn) bool {
	here, ok := c.LocalAddr().(*net.TCPAddr)
	there, also := c.RemoteAddr().(*net.TCPAddr)
	return ok && also && (there.IP.IsLoopback() || here.IP.Equal(there.IP))
}

// Listen listens on an address, host:port. others says whether other machines
// can reach it.
func Listen(addr string) (l net.Listener, others bool, err error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, false, fmt.Errorf("plug: listen on %q: must be HOST:PORT, such as %s or 192.0.2.7:7177", addr, DefaultListen)
	}
	l, err = net.Listen("tcp", addr)
	if err != nil {
		return nil, false, fmt.Errorf("plug: %w", err)
	}
	return l, !isLoopback(l.Addr()), nil
}
