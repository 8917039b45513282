package lab

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// What sysfs says of a disk, a partition and a disk under a RAID.
func TestLook(t *testing.T) {
	sys := t.TempDir()
	for name, text := range map[string]string{
		"sda/size": "2048\n", "sda/ro": "0\n", "sda/queue/rotational": "1\n",
		"sda/sda1/size": "1024\n", "sda/sda1/ro": "1\n", "sda/sda1/partition": "1\n",
		"sdb/size": "4096\n", "sdb/ro": "0\n", "sdb/holders/md0": "",
		"sdc/size": "many\n", "sdc/ro": "0\n",
	} {
		path := filepath.Join(sys, "devices", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	links := filepath.Join(sys, "dev/block")
	if err := os.MkdirAll(links, 0o700); err != nil {
		t.Fatal(err)
	}
	for number, name := range map[string]string{"8:0": "sda", "8:1": "sda/sda1", "8:16": "sdb", "8:32": "sdc"} {
		if err := os.Symlink(filepath.Join("../../devices", name), filepath.Join(links, number)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		minor uint32
		want  Device
		use   usage
		bad   bool
	}{
		{minor: 0, want: Device{Name: "sda", Bytes: 1 << 20}, use: usage{partitions: []string{"sda1"}}},
		{minor: 1, want: Device{Name: "sda1", Bytes: 1 << 19, Partition: true}, use: usage{readOnly: true}},
		{minor: 16, want: Device{Name: "sdb", Bytes: 1 << 21}, use: usage{holders: []string{"md0"}}},
		{minor: 32, bad: true}, // its size is no number
		{minor: 99, bad: true}, // gone
	} {
		got := Device{Major: 8, Minor: c.minor}
		use, err := got.look(sys)
		c.want.Major, c.want.Minor = 8, c.minor
		if (err != nil) != c.bad {
			t.Errorf("8:%d: error %v; want one: %v", c.minor, err, c.bad)
		} else if err == nil && (got != c.want || !reflect.DeepEqual(use, c.use)) {
			t.Errorf("8:%d: %+v, %+v; want %+v, %+v", c.minor, got, use, c.want, c.use)
		}
	}
}
