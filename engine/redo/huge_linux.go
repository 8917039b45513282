//go:build !race

package redo

import "golang.org/x/sys/unix"

func adviseHuge(mem []byte) error { return unix.Madvise(mem, unix.MADV_HUGEPAGE) }
