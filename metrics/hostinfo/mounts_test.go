package hostinfo

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseMount(t *testing.T) {
	for _, test := range []struct {
		line string
		want Mount
	}{
		{
			"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
			Mount{ID: 36, Dev: "98:0", Root: "/mnt1", Point: "/mnt2", Type: "ext3", Source: "/dev/root", Options: []string{"rw", "noatime", "errors=continue"}},
		},
		{ // no optional fields, a read-only file system under a writable mount
			"27 1 8:1 / / rw - xfs /dev/sda1 ro,attr2",
			Mount{ID: 27, Dev: "8:1", Root: "/", Point: "/", Type: "xfs", Source: "/dev/sda1", Options: []string{"ro", "attr2"}},
		},
		{ // several optional fields, escapes
			`40 27 0:31 /a\040b /c\011d\134e ro shared:1 master:2 propagate_from:3 - fuse.x src\040x rw`,
			Mount{ID: 40, Dev: "0:31", Root: "/a b", Point: "/c\td\\e", Type: "fuse.x", Source: "src x", Options: []string{"ro"}},
		},
		{ // an empty source
			"41 27 0:32 / /t rw - tmpfs  rw,size=1k",
			Mount{ID: 41, Dev: "0:32", Root: "/", Point: "/t", Type: "tmpfs", Options: []string{"rw", "size=1k"}},
		},
	} {
		got, err := parseMount(test.line)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("parseMount(%q) = %+v, %v; want %+v", test.line, got, err, test.want)
		}
	}
	for _, line := range []string{"", "36", "a b c d e f - ext4 x rw", "36 35 98:0 / / rw ext3 /dev/root rw", "36 35 98:0 / / rw - "} {
		if m, err := parseMount(line); err == nil {
			t.Errorf("parseMount(%q) = %+v; want an error", line, m)
		}
	}
}

func FuzzParseMount(f *testing.F) {
	f.Add("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue")
	f.Add(`41 27 0:32 / /t\0 rw - tmpfs  rw,size=1k`)
	f.Fuzz(func(t *testing.T, line string) {
		m, err := parseMount(line)
		if err == nil && (m.Type == "" || len(m.Options) == 0 || m.Options[0] != "rw" && m.Options[0] != "ro") {
			t.Errorf("parseMount(%q) = %+v", line, m)
		}
		parseMountID(line)
		cgroupPath(line, "")
		parseQuota(line)
		parseIOMax(line)
		parentOf(line)
		activeScheduler(line)
		serverName(line, strings.Split(line, " "))
		if len([]rune(wrap(line, "  ")[0])) > lineWidth {
			t.Errorf("wrap(%q) is too long", line)
		}
	})
}

func TestFindMount(t *testing.T) {
	mounts := []Mount{
		{ID: 1, Point: "/"}, {ID: 2, Point: "/data"}, {ID: 3, Point: "/data/x"}, {ID: 4, Point: "/data"}, {ID: 5, Point: "/database"},
	}
	for _, test := range []struct {
		id   int
		path string
		want int
	}{
		{0, "/", 1}, {0, "/dat", 1}, {0, "/data", 4}, {0, "/data/y", 4}, {0, "/data/x", 3}, {0, "/data/xy", 4},
		{0, "/database/1", 5}, {2, "/data", 2}, {99, "/data/x/z", 3},
	} {
		if m, ok := findMount(mounts, test.id, test.path); !ok || m.ID != test.want {
			t.Errorf("findMount(%d, %q) = %d, %v; want %d", test.id, test.path, m.ID, ok, test.want)
		}
	}
	if _, ok := findMount(nil, 0, "/"); ok {
		t.Error("findMount in an empty table found something")
	}
}

func TestHidesPID(t *testing.T) {
	for option, want := range map[string]bool{"rw": false, "rw,hidepid=0": false, "rw,hidepid=2": true, "rw,hidepid=invisible": true} {
		m, err := parseMount("22 27 0:21 / /proc rw - proc proc " + option)
		if err != nil {
			t.Fatal(err)
		}
		if got := hidesPID([]Mount{m}); got != want {
			t.Errorf("hidesPID(%s) = %v; want %v", option, got, want)
		}
	}
}
