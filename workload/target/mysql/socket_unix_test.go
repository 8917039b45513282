//go:build unix

package mysql

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"flushbench/workload"
	"flushbench/workload/target"
)

// socketPair returns a blocking socket and the other end.
func socketPair(t *testing.T) (*socket, net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	s := dialled(c).(*socket)
	if block(s); !s.blocks {
		t.Fatal("the socket does not block")
	}
	return s, other
}

// A blocking socket carries what a connection does, more than fits into the kernel too,
// and ends when the other end does.
func TestBlockingSocket(t *testing.T) {
	s, other := socketPair(t)
	text := strings.Repeat("flushbench", 300_000)
	go func() {
		got := make([]byte, len(text))
		_, _ = io.ReadFull(other, got)
		_, _ = other.Write(got)
		_ = other.Close()
	}()
	inTime(t, "a blocking socket", func() {
		if n, err := s.Write([]byte(text)); err != nil || n != len(text) {
			t.Errorf("Write() = %d, %v; want %d", n, err, len(text))
		}
		if got, err := io.ReadAll(s); err != nil || string(got) != text {
			t.Errorf("read %d bytes, %v; want %d", len(got), err, len(text))
		}
		if _, err := s.Write([]byte("x")); err == nil {
			t.Error("Write() to an end that is gone: no error")
		}
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Close ends a read that waits, and its descriptor is nobody's before that.
func TestBlockingSocketClosed(t *testing.T) {
	s, _ := socketPair(t)
	ended := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		close(begun)
		_, err := s.Read(make([]byte, 1))
		ended <- err
	}()
	<-begun
	inTime(t, "Close", func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err == nil {
			t.Error("Read() of a closed socket: no error")
		}
	})
	if err := s.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Close() again = %v; want %v", err, net.ErrClosed)
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read() = %v; want %v", err, net.ErrClosed)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write() = %v; want %v", err, net.ErrClosed)
	}
}

// A client that is alone blocks in its system calls, with TLS too, and is interrupted
// all the same.
func TestServerAlone(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
	private := sharedServer(t)
	s := openServer(t, private.Address())
	sqlExec(t, s, "CREATE USER alone@'127.0.0.1'", "GRANT ALL ON flushbench.* TO alone@'127.0.0.1'")
	t.Cleanup(func() { sqlExec(t, s, "DROP USER alone@'127.0.0.1'") })
	encrypted, err := target.ParseAddress("mysql://alone@" + private.place + "/flushbench?tls=skip-verify")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []target.Address{private.Address(), encrypted} {
		s := openServer(t, a)
		g := withTables(t, s, workload.Spec{Kind: workload.KindBank, Rows: 20, Notes: true}, 1)
		tg := newTarget(t, s, g, 1)
		x := connect(t, tg, 0)
		if raw, ok := x.link.raw.(*socket); !ok || !raw.blocks {
			t.Errorf("%v: a session alone does not block", a)
		}
		runClients(t, g, []workload.Session{x}, 30)
		func() {
			defer func() {
				if err := private.Thaw(); err != nil {
					t.Error(err)
				}
			}()
			crash(t, g, []workload.Session{x}, func() {
				if err := private.Freeze(); err != nil {
					t.Error(err)
				}
				tg.Interrupt()
			})
		}()
		if x.Seq() < 30 {
			t.Errorf("Seq() = %d after 30 transactions", x.Seq())
		}
	}
}
