package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload/process"
	"flushbench/workload/target"
)

// openDir is a folder that other users reach. t.TempDir is none of them.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := testenv.Public(func(left string) { _, _ = CleanUp(left) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestFolderRefused: a folder that holds anything of others is left alone.
func TestFolderRefused(t *testing.T) {
	if !supported {
		t.Skip(errUnsupported)
	}
	live := process.Self()
	for _, c := range []struct {
		name   string
		file   string
		marker *marker
		says   string
	}{
		{"a file", "precious", nil, "holds precious and is no folder of a private server: want an empty one"},
		{"another product", "", &marker{Is: markerIs, Product: target.PostgreSQL, Made: true}, "holds data of postgres, not of mariadb"},
		{"a live server", "", &marker{Is: markerIs, Product: target.MariaDB, Made: true, Server: live}, "runs on it already"},
		{"another marker", "", &marker{Is: "mine", Product: target.MariaDB}, "not the marker of a private server"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if c.file != "" {
				if err := os.WriteFile(filepath.Join(dir, c.file), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.marker != nil {
				if err := (&folder{path: dir, marker: *c.marker}).sign(func(*marker) {}); err != nil {
					t.Fatal(err)
				}
			}
			_, _, err := openFolder(dir, mariadb, "10")
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v; want %s", err, c.says)
			}
			if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
				t.Errorf("the folder holds %v, %v", list, err)
			}
		})
	}
	if _, _, err := openFolder("", mariadb, "10"); err == nil {
		t.Error("no folder, and no error")
	}
}

// TestFolderOfAnInterruptedStart: what was not completed is made anew.
func TestFolderOfAnInterruptedStart(t *testing.T) {
	if !supported {
		t.Skip(errUnsupported)
	}
	dir := t.TempDir()
	f := &folder{path: dir, marker: marker{Is: markerIs, Product: target.MariaDB}}
	if err := f.sign(func(*marker) {}); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(f.data(), "half"), 0o700); err != nil {
		t.Fatal(err)
	}
	f, fresh, err := openFolder(dir, mariadb, "10")
	if err != nil || !fresh {
		t.Fatalf("fresh %v, %v", fresh, err)
	}
	if _, err := os.Stat(f.data()); !os.IsNotExist(err) {
		t.Errorf("half of a data folder is there: %v", err)
	}
	if err := f.sign(func(m *marker) { m.Made = true }); err != nil {
		t.Fatal(err)
	}
	if _, fresh, err := openFolder(dir, mariadb, "10"); err != nil || fresh {
		t.Errorf("a completed one: fresh %v, %v", fresh, err)
	}
}

// TestSocketPath: one byte too long, and it goes through a descriptor.
func TestSocketPath(t *testing.T) {
	const name = "s.sock"
	base := openDir(t) // a short path, wherever temporary folders are
	for _, over := range []int{0, 1} {
		dir := filepath.Join(base, strings.Repeat("x", maxSocket+over-len(base)-len("//run/")-len(name)))
		f := &folder{path: dir}
		if err := os.MkdirAll(f.run(), 0o700); err != nil {
			t.Fatal(err)
		}
		place, run, err := f.socket(name)
		if err != nil {
			t.Fatal(err)
		}
		if plain := filepath.Join(f.run(), name); (place == plain) != (over == 0) || (run == nil) != (over == 0) || len(place) > maxSocket {
			t.Errorf("%d bytes: %s", len(plain), place)
		}
		if run == nil {
			continue
		}
		defer run.Close()
		if info, err := os.Stat(filepath.Dir(place)); err == nil { // /proc is Linux's
			if same, err := os.Stat(f.run()); err != nil || !os.SameFile(info, same) {
				t.Errorf("%s is another folder", place)
			}
		}
	}
}

// TestBarredBy names the first folder on the way, as the mode bits have it.
func TestBarredBy(t *testing.T) {
	if !supported {
		t.Skip(errUnsupported)
	}
	base := openDir(t)
	deep := filepath.Join(base, "a", "b", "c")
	if err := os.MkdirAll(deep, 0o755); err != nil { //nolint:gosec // for all to reach
		t.Fatal(err)
	}
	info, err := os.Stat(deep)
	if err != nil {
		t.Fatal(err)
	}
	uid, gid := ownerOf(info)
	owner, group, other := &account{uid: uid, gid: gid}, &account{uid: uid + 1, gid: gid}, &account{uid: uid + 1, gid: gid + 1}
	for _, c := range []struct {
		mode os.FileMode
		who  *account
		bars bool
	}{
		{0o700, owner, false}, {0o700, group, true}, {0o700, other, true},
		{0o710, group, false}, {0o710, other, true},
		{0o711, other, false}, {0o701, group, true}, {0o666, owner, true},
	} {
		if err := os.Chmod(filepath.Join(base, "a"), c.mode); err != nil {
			t.Fatal(err)
		}
		want := ""
		if c.bars {
			want = filepath.Join(base, "a")
		}
		got := c.who.barredBy(deep)
		if os.Geteuid() != 0 && c.mode == 0o666 {
			continue // we cannot look either
		}
		if got != want {
			t.Errorf("mode %o bars %+v at %q; want %q", c.mode, c.who, got, want)
		}
	}
	if err := os.Chmod(filepath.Join(base, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// FuzzParseMarker: what is taken for a marker names a product, and stays what it is.
func FuzzParseMarker(f *testing.F) {
	f.Add([]byte(`{"is":"` + markerIs + `","product":"mariadb","boot":"b","server":{"pid":12,"start":4711}}`))
	f.Add([]byte(`{"is":"` + markerIs + `","server":{"pid":-1}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseMarker(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseMarker(again); err != nil || kinds[m.Product] == nil || m.Server.PID < 0 {
			t.Errorf("%q is %+v; then %v", text, m, err)
		}
	})
}
