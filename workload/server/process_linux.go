package server

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// supported says whether servers can be started here.
const supported = true

// become makes cmd run as the user, in a session of its own: Ctrl-C on our terminal
// is not for it. It is killed when the thread that starts it ends.
func become(cmd *exec.Cmd, a *account) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if a != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
}

func ownerOf(info fs.FileInfo) (uid, gid uint32) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Uid, st.Gid
	}
	return 0, 0
}

func ownedByUs(info fs.FileInfo) bool {
	uid, _ := ownerOf(info)
	return int(uid) == os.Geteuid()
}
