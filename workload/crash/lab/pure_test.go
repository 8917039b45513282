package lab

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"flushbench/engine/vfs"
)

func TestOptionsRefused(t *testing.T) {
	good := Options{Dir: "/d", Kind: vfs.CrashOS, FS: XFS, Bytes: 1, MkfsOptions: []string{"-m", "reflink=0"}, MountOptions: []string{"logbsize=32k", "noatime"}}
	if err := good.validate(); err != nil {
		t.Errorf("validate(%+v) = %v; want nil", good, err)
	}
	for name, change := range map[string]func(o *Options){
		"relative folder":      func(o *Options) { o.Dir = "d" },
		"no folder":            func(o *Options) { o.Dir = "" },
		"no such kind":         func(o *Options) { o.Kind = 9 },
		"no such file system":  func(o *Options) { o.FS = 9 },
		"no room":              func(o *Options) { o.Bytes = 0 },
		"too much room":        func(o *Options) { o.Bytes = 1<<42 + 1 },
		"device under power":   func(o *Options) { o.Device, o.Kind = "/dev/sdz9", vfs.CrashPower },
		"path to mkfs":         func(o *Options) { o.MkfsOptions = []string{"-d", "/etc"} },
		"device to mkfs":       func(o *Options) { o.MkfsOptions = []string{"-J", "device=/dev/sda"} },
		"tag to mkfs":          func(o *Options) { o.MkfsOptions = []string{"-J", "device=UUID=1234"} },
		"tag joined to -J":     func(o *Options) { o.MkfsOptions = []string{"-Jsize=8,device=sda"} },
		"tag alone":            func(o *Options) { o.MkfsOptions = []string{"LABEL=data"} },
		"log device to mkfs":   func(o *Options) { o.MkfsOptions = []string{"-l", "size=64m,logdev=sda"} },
		"realtime device":      func(o *Options) { o.MkfsOptions = []string{"-r", "rtdev=sda"} },
		"file to mkfs":         func(o *Options) { o.MkfsOptions = []string{"-d", "file=1,name=x"} },
		"empty to mkfs":        func(o *Options) { o.MkfsOptions = []string{""} },
		"two lines to mkfs":    func(o *Options) { o.MkfsOptions = []string{"-L\nx"} },
		"read-only":            func(o *Options) { o.MountOptions = []string{"ro"} },
		"journal not replayed": func(o *Options) { o.MountOptions = []string{"norecovery"} },
		"the same on ext4":     func(o *Options) { o.MountOptions = []string{"noload"} },
		"two in one":           func(o *Options) { o.MountOptions = []string{"noatime,ro"} },
		"device to mount":      func(o *Options) { o.MountOptions = []string{"logdev=/dev/sda"} },
		"bind":                 func(o *Options) { o.MountOptions = []string{"bind"} },
		"empty to mount":       func(o *Options) { o.MountOptions = []string{"=x"} },
		"line end to mount":    func(o *Options) { o.MountOptions = []string{"a\nb"} },
	} {
		o := good
		change(&o)
		if err := o.validate(); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: validate() = %v; want an error of one line", name, err)
		}
	}
	plain := Options{Dir: "/d", Kind: vfs.CrashProcess}
	if err := plain.validate(); err != nil {
		t.Errorf("validate(%+v) = %v; want nil: a plain folder needs no size", plain, err)
	}
}

func TestImageBytes(t *testing.T) {
	for _, c := range []struct {
		o        Options
		from, to int64
	}{
		{Options{Kind: vfs.CrashProcess, Bytes: 1 << 30}, 0, 0},
		{Options{Kind: vfs.CrashOS, Bytes: 1 << 30, Device: "/dev/sdz9"}, 0, 0},
		{Options{Kind: vfs.CrashOS, Bytes: 1}, 48 * mib, 64 * mib},
		{Options{Kind: vfs.CrashOS, Bytes: 1 << 30}, 1100 * mib, 1200 * mib},
		{Options{Kind: vfs.CrashOS, Bytes: 1, FS: XFS}, minXFSBytes, minXFSBytes},
		{Options{Kind: vfs.CrashPower, Bytes: 1, FS: XFS}, minXFSBytes + 32*mib, 400 * mib},
	} {
		if got := c.o.ImageBytes(); got < c.from || got > c.to || got%mib != 0 {
			t.Errorf("%+v: ImageBytes() = %d; want whole MiB from %d to %d", c.o, got, c.from, c.to)
		}
	}
}

func TestMkfsArguments(t *testing.T) {
	for _, c := range []struct {
		fs      FSType
		options []string
		want    string
	}{
		{Ext4, nil, "-q -F -b 4096 -m 0 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0"},
		{Ext4, []string{"-E", "stride=4", "-O", "^64bit"}, "-q -F -b 4096 -m 0 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0,stride=4 -O ^64bit"},
		{Ext4, []string{"-Estride=4", "-E"}, "-q -F -b 4096 -m 0 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0,stride=4 -E"},
		{XFS, []string{"-m", "crc=0"}, "-q -f -K -m crc=0"},
	} {
		if got := strings.Join(mkfsArguments(c.fs, c.options), " "); got != c.want {
			t.Errorf("mkfsArguments(%s, %q) = %s; want %s", c.fs, c.options, got, c.want)
		}
	}
}

func TestParseState(t *testing.T) {
	const head = stateMagic + "\n"
	for _, c := range []struct {
		text   string
		pid    int
		device string
		mounts []string
		bad    bool
	}{
		{text: ""},
		{text: head[:7]},
		{text: head},
		{text: head + "pid 12\nfile fs.img\nmount fs\n", pid: 12, mounts: []string{"fs"}},
		{text: head + "pid 12\nmount fs\nmount fs\nmount ou", pid: 12, mounts: []string{"fs"}},
		{text: head + "device 8:17\n", device: "8:17"},
		{text: "x" + head, bad: true},
		{text: head + "device 8\n", bad: true},
		{text: head + "device 8:17:1\n", bad: true},
		{text: head + "pid -1\n", bad: true},
		{text: head + "file ../fs.img\n", bad: true},
		{text: head + "file fs\n", bad: true},
		{text: head + "mount /\n", bad: true},
		{text: head + "folder .\n", bad: true},
		{text: head + "\n", bad: true},
	} {
		m, err := parseState(c.text)
		if (err != nil) != c.bad {
			t.Errorf("parseState(%q): error %v; want one: %v", c.text, err, c.bad)
		} else if err == nil && (m.pid != c.pid || m.device != c.device || !slices.Equal(m.entries[wordMount], c.mounts)) {
			t.Errorf("parseState(%q) = %+v; want pid %d, device %q, mounts %v", c.text, m, c.pid, c.device, c.mounts)
		}
	}
}

// Whatever stands in a state file, nothing but our own names comes out, and a
// file that is cut off lists a part of what the whole one lists.
func FuzzParseState(f *testing.F) {
	f.Add(stateMagic+"\npid 12\nfile fs.img\nmount fs\nfolder work\ndevice 8:17\n", 40)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		m, err := parseState(text)
		if err != nil {
			return
		}
		for word, names := range m.entries {
			for _, name := range names {
				if !slices.Contains(stateNames[word], name) {
					t.Errorf("parseState(%q) lists %s %q", text, word, name)
				}
			}
		}
		if cut < 0 || cut > len(text) {
			return
		}
		part, err := parseState(text[:cut])
		if err != nil && text[:cut] != "" && !strings.HasPrefix(stateMagic, text[:cut]) {
			t.Fatalf("parseState(%q) = %v, though the whole is sound", text[:cut], err)
		}
		for word, names := range part.entries {
			for _, name := range names {
				if !m.has(word, name) {
					t.Errorf("the first %d bytes of %q list %s %s, the whole does not", cut, text, word, name)
				}
			}
		}
	})
}

func TestSignature(t *testing.T) {
	at := func(size int, marks ...any) []byte {
		b := make([]byte, size)
		for i := 0; i < len(marks); i += 2 {
			copy(b[marks[i].(int):], marks[i+1].(string))
		}
		return b
	}
	for _, c := range []struct {
		disk []byte
		want string
	}{
		{at(2 << 20), "nothing: its first MiB is zero"},
		{at(512), "nothing: its first MiB is zero"},
		{at(2<<20, 700_000, "x"), "unknown data"},
		{at(2<<20, 0x438, "\x53\xEF"), "ext"},
		{at(2<<20, 0x438, "\x53\xEF", 1024+120, "data"), `ext "data"`},
		{at(2<<20, 0x438, "\x53\xEF", 1024+120, "a\nb\x1b[2J"), `ext "a\nb\x1b[2J"`},
		{at(2<<20, 0, "XFSB", 108, "twelve chars"), `xfs "twelve chars"`},
		{at(2<<20, 0x10040, "_BHRfS_M"), "btrfs"},
		{at(2<<20, 4086, "SWAPSPACE2"), "swap"},
		{at(2<<20, 0, "LUKS\xba\xbe"), "LUKS, encrypted"},
		{at(2<<20, 512+24, "LVM2 001"), "LVM physical volume"},
		{at(2<<20, 4096, "\xfc\x4e\x2b\xa9"), "Linux RAID member"},
		{at(2<<20, 510, "\x55\xAA", 512, "EFI PART"), "GPT partition table"},
		{at(2<<20, 510, "\x55\xAA"), "MBR partition table or boot sector"},
		{at(2<<20, 510, "\x55\xAA", 3, "NTFS    "), "ntfs"},
	} {
		got, err := signature(bytes.NewReader(c.disk))
		if err != nil || got != c.want {
			t.Errorf("signature(...) = %q, %v; want %q", got, err, c.want)
		}
	}
	if got, err := signature(bytes.NewReader(nil)); err == nil {
		t.Errorf("signature of nothing = %q; want an error", got)
	}
}

// No contents of a disk make the readers fail otherwise than with an error.
func FuzzDisk(f *testing.F) {
	f.Add([]byte("XFSB"), 0)
	f.Add([]byte("\x53\xEF"), 0x438)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		if at < 0 || at > 8192 {
			return
		}
		disk := make([]byte, max(superblockBytes, at+len(b)))
		copy(disk[at:], b)
		if s, err := signature(bytes.NewReader(disk)); err != nil || s == "" || strings.ContainsAny(s, "\n\x1b") {
			t.Errorf("signature = %q, %v", s, err)
		}
		for _, fs := range FSTypes.All() {
			s, err := readSuperblock(fs, bytes.NewReader(disk))
			if err == nil && (s.blockBytes < 512 || s.blockBytes > 64<<10 || s.fsBytes < 0 || s.journalBytes < 0) {
				t.Errorf("superblock of %s = %+v", fs, s)
			}
		}
	})
}

func TestDeviceRefusal(t *testing.T) {
	d := Device{Path: "/dev/sdz", Bytes: 1}
	if err := d.refusal(usage{}); err != nil {
		t.Errorf("refusal() of a free device = %v; want nil", err)
	}
	for want, u := range map[string]usage{
		"mounted on /home":                   {mounted: []string{"/home", "/x"}, busy: true},
		"swap":                               {swap: true, busy: true},
		"partitions (sdz1, sdz2)":            {partitions: []string{"sdz1", "sdz2"}},
		"other devices stand on it (md0)":    {holders: []string{"md0"}},
		"mounted in another mount namespace": {busy: true},
		"read-only":                          {readOnly: true},
	} {
		if err := d.refusal(u); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("refusal(%+v) = %v; want %q", u, err, want)
		}
	}
	if err := (Device{}).refusal(usage{}); err == nil {
		t.Error("refusal() of an empty device = nil; want an error")
	}
}

func TestFirstLine(t *testing.T) {
	for text, want := range map[string]string{"": "", "\n \n a \nb": "a", "x": "x"} {
		if got := firstLine(text); got != want {
			t.Errorf("firstLine(%q) = %q; want %q", text, got, want)
		}
	}
}

func TestNewRefusesBadOptions(t *testing.T) {
	if d, err := New(context.Background(), Options{Dir: "relative"}); err == nil {
		t.Errorf("New = %v; want an error", d)
	}
}
