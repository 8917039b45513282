package lab

import (
	"context"
	"os"
	"time"
)

// SettleFor changes how long the kernel is waited for, until restore.
func SettleFor(d time.Duration) (restore func()) {
	before := settleFor
	settleFor = d
	return func() { settleFor = before }
}

// Mkfs makes a file system.
func Mkfs(ctx context.Context, fs FSType, options []string, dir, target string) (string, error) {
	return mkfs(ctx, fs, options, dir, target)
}

// Attach puts an image on a loop device until release.
func Attach(image string) (device string, release func() error, err error) {
	l, err := attach(image)
	if err != nil {
		return "", nil, err
	}
	return l.path, l.release, nil
}

// Unmount unmounts what is on a folder, once nobody uses it: a process that a parallel
// test has just forked has all files of this one open, until it starts its program.
func Unmount(point string) error { return unmount(context.Background(), point) }

// Superblock reads a superblock.
func Superblock(fs FSType, path string) (size int64, block, sector int, journal int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, 0, 0, err
	}
	defer f.Close()
	s, err := readSuperblock(fs, f)
	return s.fsBytes, s.blockBytes, s.sectorBytes, s.journalBytes, err
}
