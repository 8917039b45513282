package postgres

import (
	"net"
	"syscall"
)

// listener is the pid of the process that listens on the socket at the other end
// of c: the postmaster, whichever process serves the connection. 0: not known.
func listener(c net.Conn) int {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	err = raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}
