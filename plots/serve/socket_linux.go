package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"
)

// oPath opens a name without the file: O_PATH, the same on all of Go's Linux ports.
const oPath = 0x200000

// A unix address holds 108 bytes, a path may be longer: both ends go through
// /proc/self/fd, whose names are short.

// listenSocket listens in dir, for this user alone.
func listenSocket(dir string) (net.Listener, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		// The name gets the mode that the socket has before it gets the name, so that
		// there is no moment at which others could connect.
		var err error
		return errors.Join(raw.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), 0o600) }), err)
	}}
	l, err := c.Listen(context.Background(), "unix", descriptorPath(d)+"/"+SocketName)
	if err := errors.Join(err, d.Close()); err != nil {
		return nil, err
	}
	// The descriptor in its address is gone.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	return l, nil
}

// dialSocket connects to the socket called name below root. It follows no link out of
// root: what it looked at and what it connects to are the same file.
func dialSocket(root *os.Root, name string) (net.Conn, error) {
	f, err := root.OpenFile(name, oPath|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return nil, fmt.Errorf("%s is no socket", name)
	}
	return net.DialTimeout("unix", descriptorPath(f), dialTime)
}

// descriptorPath names an open file.
func descriptorPath(f *os.File) string {
	return "/proc/self/fd/" + strconv.FormatUint(uint64(f.Fd()), 10)
}
