package vfs

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A refusal must tell the method, the file system and what works instead, for
// a path that exists and for one that does not.
func TestRefusedSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	name, err := FileSystemName(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method Method
		want   string
	}{
		{DirectODsync, "alternatives: o_dsync, fdatasync"},
		{DirectNone, "alternatives: none"},
		{RWFDsync, "alternatives: fdatasync, o_dsync, fsync"},
	} {
		err := refused("create", filepath.Join(dir, "missing"), test.method, syscall.EINVAL)
		if !errors.Is(err, ErrMethodRefused) || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%v wraps neither ErrMethodRefused nor its cause", err)
		}
		for _, text := range []string{test.method.String(), " on " + name, test.want} {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%q does not say %q", err, text)
			}
		}
		if !refusal(syscall.EINVAL) || !refusal(syscall.EOPNOTSUPP) || refusal(syscall.EIO) {
			t.Error("refusal takes the wrong errors for a missing feature")
		}
	}
}
