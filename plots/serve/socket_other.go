//go:build !linux

package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// listenSocket listens in dir, for this user alone. It fails where the path is longer
// than a unix address may be.
func listenSocket(dir string) (net.Listener, error) {
	path := filepath.Join(dir, SocketName)
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	return l, nil
}

// dialSocket connects to the socket called name below root. It follows no link to it.
func dialSocket(root *os.Root, name string) (net.Conn, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return nil, fmt.Errorf("%s is no socket", name)
	}
	return net.DialTimeout("unix", filepath.Join(root.Name(), filepath.FromSlash(name)), dialTime)
}
