package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flushbench/workload/target"
)

// The files of a log are found in the folder that target.Info.LogDir names, whatever
// else lies there.
func TestRedoFiles(t *testing.T) {
	for _, c := range []struct {
		product     target.Product
		files, want string
	}{
		{target.MariaDB, "ib_logfile0 ibdata1 ib_buffer_pool", "ib_logfile0"},
		{target.MariaDB, "#ib_redo1", ""},
		{target.MySQL, "#ib_redo7 #ib_redo8_tmp", "#ib_redo7 #ib_redo8_tmp"},
		{target.MySQL, "ib_logfile0 ib_logfile1 undo_001", "ib_logfile0 ib_logfile1"},
		{target.PostgreSQL, "000000010000000000000001 archive_status 000000010000000000000001.partial", "000000010000000000000001"},
		{0, "ib_logfile0", ""},
	} {
		dir := filepath.Join(t.TempDir(), "a[b]*")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(c.files) {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var want []string
		for _, name := range strings.Fields(c.want) {
			want = append(want, filepath.Join(dir, name))
		}
		if got, err := RedoFiles(c.product, dir); err != nil || !slices.Equal(got, want) {
			t.Errorf("RedoFiles(%v, %s) = %q, %v; want %q", c.product, c.files, got, err, want)
		}
	}
}

func TestFlagsString(t *testing.T) {
	for want, f := range map[string]Flags{
		"buffered": {}, "O_DIRECT": {Direct: true}, "O_DSYNC": {Dsync: true}, "O_DIRECT|O_DSYNC": {Direct: true, Dsync: true},
		"O_SYNC": {Dsync: true, Sync: true}, "O_DIRECT|O_SYNC": {Direct: true, Dsync: true, Sync: true},
	} {
		if got := f.String(); got != want {
			t.Errorf("%+v is %q; want %q", f, got, want)
		}
	}
}

// A log that is not there is an error that names the folder; a process that is not seen
// is none.
func TestOpenRedoMissing(t *testing.T) {
	dir := t.TempDir()
	for _, at := range []string{dir, filepath.Join(dir, "gone")} {
		if path, _, err := OpenRedo(os.Getpid(), target.MariaDB, at); path != "" || err == nil || !strings.Contains(err.Error(), at) {
			t.Errorf("OpenRedo(%s) = %q, %v; want an error with the folder", at, path, err)
		}
	}
	if path, _, err := OpenRedo(0, target.MariaDB, dir); path != "" || err != nil {
		t.Errorf("OpenRedo(no process) = %q, %v; want nothing", path, err)
	}
}
