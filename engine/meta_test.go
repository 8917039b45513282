package engine

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"flushbench/engine/binlog"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
)

// metaPath is where the databases of these tests have their MetaFile.
const metaPath = dir + "/" + MetaFile

// rewrite replaces a file's text.
func rewrite(t testing.TB, fs vfs.FS, text string) {
	t.Helper()
	if err := replaceFile(fs, dir, metaNew, MetaFile, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func metaText(t testing.TB, fs vfs.FS) string {
	t.Helper()
	text, err := readWhole(fs, metaPath)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stored is what must come back from MetaFile.
func stored(o *DatabaseOptions) DatabaseOptions {
	var k DatabaseOptions
	k.Dir, k.DataDir, k.Files, k.Capacity, k.Clients = o.Dir, o.DataDir, o.Files, o.Capacity, o.Clients
	k.Rows, k.RowBytes, k.NoDoublewrite, k.Durability = o.Rows, o.RowBytes, o.NoDoublewrite, o.Durability
	if o.Binlog.Enabled {
		b := o.binlogOptions()
		k.Binlog = BinlogOptions{Enabled: true, Dir: b.Dir, Table: b.Table, Format: b.Format, RowImage: b.RowImage}
	}
	return k
}

func TestMetaKeepsOptions(t *testing.T) {
	for name, change := range map[string]func(o *DatabaseOptions){
		"defaults":       func(*DatabaseOptions) {},
		"no binlog":      func(o *DatabaseOptions) { o.Binlog.Enabled = false },
		"no doublewrite": func(o *DatabaseOptions) { o.NoDoublewrite = true },
		"two log files":  func(o *DatabaseOptions) { o.Files = 2 },
		"force-pages":    func(o *DatabaseOptions) { o.Durability, o.Binlog.Enabled = DurabilityForcePages, false },
		"folders within": func(o *DatabaseOptions) { o.DataDir, o.Binlog.Dir = dir+"/data", dir+"/bin/log" },
		"folders beside": func(o *DatabaseOptions) { o.DataDir, o.Binlog.Dir = "/data", "/bin/log" },
		"binlog": func(o *DatabaseOptions) {
			o.Binlog.Format, o.Binlog.RowImage, o.Binlog.Table = binlog.FormatMixed, binlog.ImageMinimal, `ac"count`
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk := newDisk(t)
			for _, path := range []string{"/data", "/bin", "/bin/log", dir + "/data", dir + "/bin", dir + "/bin/log"} {
				if err := disk.Mkdir(path); err != nil {
					t.Fatal(err)
				}
			}
			o := bankOptions(disk)
			change(&o)
			if err := CreateDatabase(o, bankRow); err != nil {
				t.Fatal(err)
			}
			if err := o.Validate(); err != nil {
				t.Fatal(err)
			}
			got, err := ReadMeta(disk, dir)
			if err != nil {
				t.Fatal(err)
			}
			if g, w := stored(&got), stored(&o); !reflect.DeepEqual(g, w) {
				t.Errorf("ReadMeta = %+v\nwant %+v\n%s", g, w, metaText(t, disk))
			}
			if err := opened(t, got).Shutdown(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A folder that was moved as a whole is still a database.
func TestMetaOfMovedFolder(t *testing.T) {
	base := t.TempDir()
	from, to := filepath.Join(base, "from"), filepath.Join(base, "to")
	for _, path := range []string{from, from + "/data", from + "/binlog"} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o := bankOptions(vfs.NewOS())
	o.Dir, o.DataDir, o.Binlog.Dir = from, from+"/data", from+"/binlog"
	b := newBank(t, o)
	if err := b.run(5, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	got, err := ReadMeta(o.FS, to)
	if err != nil {
		t.Fatal(err)
	}
	if want := to + "/binlog"; got.DataDir != to+"/data" || got.BinlogDir() != want {
		t.Errorf("data in %s, binlog in %s; want both below %s", got.DataDir, got.BinlogDir(), to)
	}
	b.opts = got
	if _, err := whole(b); err != nil {
		t.Error(err)
	}
}

// What a recovery needs stands in MetaFile: a bank that was dropped comes back
// by it alone.
func TestMetaOpensAfterCrash(t *testing.T) {
	b := newBank(t, bankOptions(newDisk(t)))
	if err := b.run(10, 3); err != nil {
		t.Fatal(err)
	}
	b = b.on(b.opts.FS.(*vfs.Mem).Crash(vfs.CrashPower, vfs.CrashOptions{Seed: 3, Torn: true}))
	got, err := ReadMeta(b.opts.FS, dir)
	if err != nil {
		t.Fatal(err)
	}
	b.opts = got
	if _, err := whole(b); err != nil {
		t.Error(err)
	}
}

// The runner makes databases without a binlog and gives them one later.
func TestResetBinlogIsNoted(t *testing.T) {
	disk := newDisk(t)
	o := bankOptions(disk)
	o.Binlog.Enabled = false
	if err := CreateDatabase(o, bankRow); err != nil {
		t.Fatal(err)
	}
	o.Binlog.Enabled, o.Binlog.Format = true, binlog.FormatStatement
	whole := disk.Events()
	if err := ResetBinlog(o); err != nil {
		t.Fatal(err)
	}
	events := disk.Events() - whole
	got, err := ReadMeta(disk, dir)
	if err != nil || !got.Binlog.Enabled || got.Binlog.Format != binlog.FormatStatement {
		t.Errorf("after ResetBinlog: %+v, %v", got.Binlog, err)
	}
	if err := opened(t, got).Shutdown(); err != nil {
		t.Fatal(err)
	}
	for n := range events { // the second time, with a crash at each step
		before := copyDisk(disk)
		before.CrashAfter(n)
		o.FS = before
		if err := ResetBinlog(o); !errors.Is(err, vfs.ErrCrashed) {
			t.Fatalf("crash after %d events: %v", n, err)
		}
		after := before.Crash(vfs.CrashPower, vfs.CrashOptions{Seed: uint64(n), Torn: true})
		got, err := ReadMeta(after, dir)
		if err != nil {
			t.Fatalf("crash after %d of %d events: %v", n, events, err)
		}
		db, err := OpenDatabase(got)
		if err != nil {
			t.Fatalf("crash after %d of %d events, binlog %v: %v", n, events, got.Binlog.Enabled, err)
		}
		if err := db.Shutdown(); err != nil {
			t.Error(err)
		}
	}
}

// A crash while a database is made leaves none, or a whole one; a crash behind
// it leaves it.
func TestMetaIsWrittenLast(t *testing.T) {
	testenv.Long(t, "every crash by itself, on one goroutine")
	o := bankOptions(newDisk(t))
	if err := CreateDatabase(o, bankRow); err != nil {
		t.Fatal(err)
	}
	events := o.FS.(*vfs.Mem).Events()
	found := 0
	for n := 0; n <= events+10; n++ {
		if n == 40 {
			n = max(n, events-40) // in between nothing is new
		}
		disk := newDisk(t)
		disk.CrashAfter(n)
		o.FS = disk
		made := CreateDatabase(o, bankRow)
		if made != nil && !errors.Is(made, vfs.ErrCrashed) {
			t.Fatal(made)
		}
		disk = disk.Crash(vfs.CrashPower, vfs.CrashOptions{Seed: uint64(n), Torn: true})
		got, err := ReadMeta(disk, dir)
		if err != nil {
			if made == nil || !errors.Is(err, ErrNoDatabase) || clearLine(err, dir) != "" {
				t.Errorf("crash after %d of %d events: %v", n, events, err)
			}
			continue
		}
		found++
		db, err := OpenDatabase(got)
		if err != nil {
			t.Fatalf("crash after %d of %d events: %v", n, events, err)
		}
		b := &bank{opts: got, accounts: bankAccounts}
		if _, err := b.read(db); err != nil {
			t.Errorf("crash after %d of %d events: %v", n, events, err)
		}
		if err := db.Shutdown(); err != nil {
			t.Error(err)
		}
	}
	if found < 10 {
		t.Errorf("%d databases were found; want one after each creation that ended well", found)
	}
}

// Any flipped bit is found, or means nothing.
func TestMetaDamage(t *testing.T) {
	disk := newDisk(t)
	o := bankOptions(disk)
	newBank(t, o)
	good, err := ReadMeta(disk, dir)
	if err != nil {
		t.Fatal(err)
	}
	text := metaText(t, disk)
	refused := 0
	for bit := range 8 * len(text) {
		b := []byte(text)
		b[bit/8] ^= 1 << (bit % 8)
		rewrite(t, disk, string(b))
		got, err := ReadMeta(disk, dir)
		if err == nil {
			if !reflect.DeepEqual(stored(&got), stored(&good)) {
				t.Fatalf("bit %d flipped: %+v", bit, stored(&got))
			}
			continue
		}
		refused++
		if wrong := clearLine(err, metaPath); wrong != "" {
			t.Fatalf("bit %d flipped: %s", bit, wrong)
		}
	}
	if refused < 6*len(text) {
		t.Errorf("%d of %d flipped bits were refused", refused, 8*len(text))
	}
	for n := range len(text) - 2 { // the last two bytes are a brace and a newline
		rewrite(t, disk, text[:n])
		if _, err := ReadMeta(disk, dir); clearLine(err, metaPath, "is damaged") != "" {
			t.Fatalf("cut off after %d bytes: %v", n, err)
		}
	}
}

func TestMetaRefusals(t *testing.T) {
	disk := newDisk(t)
	newBank(t, bankOptions(disk))
	text := metaText(t, disk)
	for name, c := range map[string]struct {
		text  string
		is    error
		words []string
	}{
		"newer":      {strings.Replace(text, `"format": 1`, `"format": 2, "new_thing": true`, 1), ErrNewerFormat, []string{"format 2", "up to 1"}},
		"other rows": {strings.Replace(text, `"rows": 10`, `"rows": 11`, 1), nil, []string{"is damaged", "checksum"}},
		"unknown":    {strings.Replace(text, `"rows"`, `"rowz"`, 1), nil, []string{"is damaged", "rowz"}},
		"a list":     {`[1]`, nil, []string{"is damaged", "at offset 1"}},
		"empty":      {"", nil, []string{"is damaged", "at offset 0"}},
		"zeros":      {strings.Repeat("\x00", 600), nil, []string{"is damaged", "at offset 1"}},
		"huge":       {strings.Repeat(" ", maxMeta+1), nil, []string{"is damaged", "more than"}},
	} {
		rewrite(t, disk, c.text)
		_, err := ReadMeta(disk, dir)
		if wrong := clearLine(err, append(c.words, metaPath)...); wrong != "" {
			t.Errorf("%s: %s", name, wrong)
		}
		if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v; want %v", name, err, c.is)
		}
	}
	o := bankOptions(disk)
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	o.RowBytes = 1 // sound, but nothing that can be opened
	if err := writeMeta(&o); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadMeta(disk, dir); clearLine(err, metaPath, "is damaged") != "" {
		t.Errorf("rows of one byte: %v", err)
	}
	for _, name := range []string{"..", "../data", "a/../../b"} {
		if path, err := underDir(dir, name); err == nil {
			t.Errorf("underDir(%q) = %s; want an error", name, path)
		}
	}
}

// Callers can tell what else a folder may be.
func TestMetaOfOtherFolders(t *testing.T) {
	disk := newDisk(t)
	_, err := ReadMeta(disk, dir)
	if !errors.Is(err, ErrNoDatabase) || clearLine(err, dir, "holds no database", MetaFile) != "" {
		t.Errorf("an empty folder: %v", err)
	}
	if err := Create(smallest(disk)); err != nil {
		t.Fatal(err)
	}
	_, err = ReadMeta(disk, dir)
	if !errors.Is(err, ErrLogWorkload) || clearLine(err, dir, "this folder holds a log of the log workload") != "" {
		t.Errorf("a log of the log workload: %v", err)
	}
	remove(t, disk, sideName)
	_, err = ReadMeta(disk, dir)
	if !errors.Is(err, ErrNoDatabase) || clearLine(err, dir, "never finished", "redo.0") != "" {
		t.Errorf("a log alone: %v", err)
	}
}

// A failed write of MetaFile fails the creation, with the file's name.
func TestMetaWriteFails(t *testing.T) {
	good := newDisk(t)
	o := bankOptions(good)
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		disk := newDisk(t)
		disk.CrashAfter(disk.Events() + n)
		o.FS = disk
		if err := writeMeta(&o); n < 4 && clearLine(err, metaPath) != "" {
			t.Errorf("writeMeta that stops after %d events: %v", n, err)
		}
	}
}

func FuzzMeta(f *testing.F) {
	o := bankOptions(vfs.NewMem())
	if err := o.Validate(); err != nil {
		f.Fatal(err)
	}
	text, err := encodeMeta(&o)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":2}`))
	f.Add([]byte(`{"format":1,"binlog":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := decodeMeta(text)
		if err != nil {
			return
		}
		got, err := m.options(vfs.NewMem(), dir)
		if err != nil {
			return
		}
		again, err := encodeMeta(&got)
		if err != nil {
			t.Fatalf("%s decodes to %+v, which does not encode: %v", text, stored(&got), err)
		}
		if m2, err := decodeMeta(again); err != nil || m2.CRC == "" {
			t.Fatalf("%s encodes as %s, which does not decode: %v", text, again, err)
		}
	})
}
