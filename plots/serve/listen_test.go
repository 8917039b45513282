package serve

import (
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
)

func TestListen(t *testing.T) {
	if host, _, err := net.SplitHostPort(DefaultListen); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("by default a server listens on %s; want this machine alone", DefaultListen)
	}
	for _, c := range []struct {
		addr   string
		others bool
	}{{"127.0.0.1:0", false}, {"localhost:0", false}, {"0.0.0.0:0", true}, {":0", true}} {
		l, others, err := Listen(c.addr)
		if err != nil {
			t.Fatal(err)
		}
		if others != c.others {
			t.Errorf("Listen(%s): others can reach it: %v; want %v", c.addr, others, c.others)
		}
		if _, _, err := Listen(l.Addr().String()); !c.others && (err == nil || !strings.Contains(err.Error(), "address already in use; port 0 takes any that is free")) {
			t.Errorf("the same address again: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, addr := range []string{"", "7178", "localhost", "127.0.0.1:x", "127.0.0.1:99999"} {
		if _, _, err := Listen(addr); err == nil || strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("Listen(%q): %v; want an error of one line", addr, err)
		}
	}
}

func TestURL(t *testing.T) {
	local, all := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7178}, &net.TCPAddr{IP: net.IPv4zero, Port: 80}
	for _, c := range []struct {
		host string
		addr net.Addr
		want string
	}{
		{"127.0.0.1", local, "http://127.0.0.1:7178/"}, {"localhost", local, "http://localhost:7178/"}, {"", all, "http://localhost:80/"},
		{"0.0.0.0", all, "http://localhost:80/"}, {"::1", &net.TCPAddr{IP: net.IPv6loopback, Port: 1}, "http://[::1]:1/"},
	} {
		if got := URL(c.host, c.addr); got != c.want {
			t.Errorf("URL(%q, %v) = %s; want %s", c.host, c.addr, got, c.want)
		}
	}
}

// endless is a listener to which somebody connects whenever it accepts.
type endless struct{ net.Listener }

func (endless) Accept() (net.Conn, error) {
	c, _ := net.Pipe()
	return c, nil
}
func (endless) Close() error { return nil }

// TestConnectionsAreBounded: one too many waits until another is closed.
func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(endless{}, 2)
		var accepted []net.Conn
		ended := make(chan error, 1)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					ended <- err
					return
				}
				accepted = append(accepted, c)
			}
		}()
		synctest.Wait()
		if len(accepted) != 2 {
			t.Fatalf("%d connections are open; want 2", len(accepted))
		}
		first := accepted[0]
		for range 2 { // the second time gives no place back
			if err := first.Close(); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if len(accepted) != 3 {
			t.Errorf("%d were taken after one was closed; want 3", len(accepted))
		}
		if err := errors.Join(l.Close(), l.Close()); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
	})
}
