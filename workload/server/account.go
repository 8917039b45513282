package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// account is the user that a server runs as when we are root; nil is our own.
type account struct {
	name     string
	uid, gid uint32
}

// unprivileged returns the first of the kind's users that this system has; nil
// when we are not root, and so cannot become another.
func unprivileged(k *kind) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // our own user is no account
	}
	for _, name := range k.users {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err == nil && gidErr == nil && uid != 0 {
			return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("private server: %s does not run as root, and this system has no user %s", k.program, strings.Join(k.users, " or "))
}

// own gives a folder of ours to the user.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	if err := os.Chown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("private server: %w", err)
	}
	return nil
}

// mustReach makes sure that the user can enter dir and run the binary: the kernel
// decides, and the mode bits say which folder it is that bars the way.
func (a *account) mustReach(ctx context.Context, k *kind, dir, binary string) error {
	if a == nil {
		return nil
	}
	cmd := commandContext(ctx, binary, k.askVersion, dir, dir)
	become(cmd, a)
	err := whyEnded(ctx, cmd.Run())
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	for _, path := range []string{dir, filepath.Dir(binary)} {
		if barrier := a.barredBy(path); barrier != "" {
			return fmt.Errorf("private server: user %s cannot enter %s (mode %s): choose a folder that is reachable for all, or chmod o+x it",
				a.name, barrier, modeOf(barrier))
		}
	}
	return fmt.Errorf("private server: user %s can enter neither %s nor %s: %w", a.name, dir, filepath.Dir(binary), err)
}

// barredBy returns the first folder on the way to dir that the user may not enter
// by its mode, "" if there is none.
func (a *account) barredBy(dir string) string {
	path := "/"
	for part := range strings.SplitSeq(strings.TrimPrefix(dir, "/")+"/", "/") {
		info, err := os.Stat(path)
		if err != nil {
			return ""
		}
		if !a.mayEnter(info) {
			return path
		}
		path = filepath.Join(path, part)
	}
	return ""
}

func (a *account) mayEnter(info fs.FileInfo) bool {
	uid, gid := ownerOf(info)
	mode := info.Mode().Perm()
	switch {
	case uid == a.uid:
		return mode&0o100 != 0
	case gid == a.gid:
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

func modeOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%04o", info.Mode().Perm())
}
