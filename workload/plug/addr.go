package plug

import (
	"fmt"
	"net"
	"strconv"
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

// CheckAddr says what is wrong with the address of a witness. Whether there is such a
// host only the network knows.
func CheckAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("plug: address %q: must be HOST:PORT, such as %s or 192.0.2.7:7177, with a port up to 65535", addr, DefaultListen)
	}
	return nil
}

// Listen listens on an address, host:port. others says whether other machines
// can reach it.
func Listen(addr string) (l net.Listener, others bool, err error) {
	if err := CheckAddr(addr); err != nil {
		return nil, false, fmt.Errorf("%w; port 0: any that is free", err)
	}
	l, err = net.Listen("tcp", addr)
	if err != nil {
		return nil, false, fmt.Errorf("plug: %w", err)
	}
	return l, !isLoopback(l.Addr()), nil
}
