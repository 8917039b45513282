package target

import (
	"net"
	"syscall"
)

// Listener returns the pid of the process that listens on the unix socket at the
// other end of c, of PostgreSQL the postmaster, whichever process serves the
// connection. 0: it cannot be seen from here (SO_PEERCRED, unix(7)).
func Listener(c net.Conn) int {
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
