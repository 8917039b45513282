package serve

import (
	"fmt"
	"net"
	"strconv"
	"sync"
)

// DefaultListen is where a server listens unless told otherwise: reachable from this
// machine alone.
const DefaultListen = "127.0.0.1:7178"

// maxConns bounds the connections of a server. More wait in the kernel's queue.
const maxConns = 256

// Listen listens on an address, HOST:PORT; port 0 is any that is free. others says
// whether other machines can reach it.
func Listen(addr string) (l net.Listener, others bool, err error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, false, fmt.Errorf("listen on %q: must be HOST:PORT, such as %s or 192.0.2.7:7178", addr, DefaultListen)
	}
	l, err = net.Listen("tcp", addr)
	if err != nil {
		return nil, false, fmt.Errorf("listen on %s: %w; port 0 takes any that is free", addr, lastOf(err))
	}
	return newLimited(l, maxConns), !addrOf(l.Addr()).IsLoopback(), nil
}

// lastOf returns the innermost error: "address already in use" without the call.
func lastOf(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil {
			return err
		}
		err = inner.Unwrap()
	}
}

// limited is a listener of which at most so many connections are open at a time.
type limited struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newLimited(l net.Listener, n int) *limited {
	return &limited{Listener: l, places: make(chan struct{}, n), closed: make(chan struct{})}
}

// Accept waits for a place, then for a connection.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &limitedConn{Conn: c, places: l.places}, nil
}

// Close ends all waiting. It may be called twice.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn
	places chan struct{}
	once   sync.Once
}

// Close may be called twice.
func (c *limitedConn) Close() error {
	c.once.Do(func() { <-c.places })
	return c.Conn.Close()
}

// URL returns where a browser finds a server that was told to listen on host, which
// may be empty, and listens on a.
func URL(host string, a net.Addr) string {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return "http://" + a.String() + "/"
	}
	if host == "" || addrOf(a).IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(t.Port)) + "/"
}
