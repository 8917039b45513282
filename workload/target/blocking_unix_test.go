//go:build unix

package target

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// blockingPair returns a blocking socket and the other end.
func blockingPair(t *testing.T) (*Blocking, net.Conn) {
	t.Helper()
	// A pair needs no path, which that of a temporary folder may be too long for.
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		syscall.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "socket")
		ends[i], err = net.FileConn(f)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	c, other := ends[0].(*net.UnixConn), ends[1]
	defer c.Close()
	t.Cleanup(func() { _ = other.Close() })
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	b := NewBlocking(raw)
	if b == nil {
		t.Fatal("the socket does not block")
	}
	return b, other
}

// A blocking socket carries what a connection does, more than fits into the kernel too,
// and ends when the other end does.
func TestBlocking(t *testing.T) {
	b, other := blockingPair(t)
	text := strings.Repeat("flushbench", 300_000)
	go func() {
		got := make([]byte, len(text))
		_, _ = io.ReadFull(other, got)
		_, _ = other.Write(got)
		_ = other.Close()
	}()
	if n, err := b.Write([]byte(text)); err != nil || n != len(text) {
		t.Errorf("Write() = %d, %v; want %d", n, err, len(text))
	}
	if got, err := io.ReadAll(b); err != nil || string(got) != text {
		t.Errorf("read %d bytes, %v; want %d", len(got), err, len(text))
	}
	if _, err := b.Write([]byte("x")); err == nil {
		t.Error("Write() to an end that is gone: no error")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// Interrupt and Close end a read that waits; after Close its descriptor is somebody
// else's.
func TestBlockingInterrupted(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*Blocking) error
	}{
		{"Interrupt", func(b *Blocking) error { b.Interrupt(); return nil }},
		{"Close", (*Blocking).Close},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, _ := blockingPair(t)
			ended, begun := make(chan error, 1), make(chan struct{})
			go func() {
				close(begun)
				_, err := b.Read(make([]byte, 1))
				ended <- err
			}()
			<-begun
			if err := c.end(b); err != nil {
				t.Error(err)
			}
			if err := <-ended; err == nil {
				t.Error("Read(): no error")
			}
			if c.name == "Interrupt" {
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			}
			if err := b.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Close() again = %v; want %v", err, net.ErrClosed)
			}
			b.Interrupt()
			if _, err := b.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read() = %v; want %v", err, net.ErrClosed)
			}
			if _, err := b.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write() = %v; want %v", err, net.ErrClosed)
			}
		})
	}
}
