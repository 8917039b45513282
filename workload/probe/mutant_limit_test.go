package probe

import (
	"testing"
	"time"

	"flushbench/engine/vfs"
)

// TestMutantLimitMakesTheMethodsCall holds that a turn makes a record durable
// by the one call that the engine would make: a limit by other means would be
// no limit of that method.
func TestMutantLimitMakesTheMethodsCall(t *testing.T) {
	for _, m := range vfs.Methods.All() {
		fs := vfs.NewMem()
		files := prepared(t, fs, m, 1)
		before := fs.Counts()
		r, err := Limit(t.Context(), LimitConfig{Files: files, RecordBytes: 256, Duration: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		n := uint64(r.Count)
		want := vfs.Counts{Writes: n, Bytes: uint64(r.Bytes)}
		switch {
		case m == vfs.Fsync:
			want.Fsync = n
		case m == vfs.Fdatasync, m == vfs.DirectFdatasync:
			want.Fdatasync = n
		case m.Durable():
			want.DsyncWrites = n
		}
		if got := fs.Counts().Sub(before); got != want {
			t.Errorf("%s: %+v; want %+v", m, got, want)
		}
	}
}
