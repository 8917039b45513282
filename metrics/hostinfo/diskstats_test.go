package hostinfo

import (
	"strings"
	"testing"
	"time"
)

func TestDiskCounters(t *testing.T) {
	s := fixture(t, "nvme-partition", PathFacts{})
	c, err := s.DiskCounters("nvme0n1")
	if err != nil {
		t.Fatal(err)
	}
	if c.Writes != 130116 || c.Bytes != 2539728*512 || c.WriteTime != 9694*time.Millisecond || c.Flushes == nil || *c.Flushes != 62654 || c.FlushTime != 1535*time.Millisecond {
		t.Errorf("DiskCounters(nvme0n1) = %+v", c)
	}
	before := c
	flushes := uint64(62600)
	before.Writes, before.Flushes, before.Bytes = 130000, &flushes, 0
	if d := c.Sub(before); d.Writes != 116 || *d.Flushes != 54 || d.Bytes != c.Bytes || d.FlushTime != 0 {
		t.Errorf("Sub = %+v", d)
	}
	if c, err = fixture(t, "virtio", PathFacts{}).DiskCounters("vda"); err != nil || c.Flushes != nil || c.Writes != 130116 {
		t.Errorf("an old kernel: %+v, %v; want no flush counter", c, err)
	}
	if d := c.Sub(before); d.Flushes != nil {
		t.Errorf("Sub without a counter = %+v", d)
	}
	for _, bad := range []string{"sdz", "nvme0n1p9", ""} {
		if _, err := s.DiskCounters(bad); err == nil || !strings.Contains(err.Error(), "hostinfo: disk counters") {
			t.Errorf("DiskCounters(%q) = %v; want an error", bad, err)
		}
	}
	if _, err := fixture(t, "zfs", PathFacts{}).DiskCounters("vda"); err == nil {
		t.Error("DiskCounters without a diskstats file succeeded")
	}
}

func FuzzParseCounters(f *testing.F) {
	f.Add(" 254 0 vda 15959 5684 1072530 9009 130116 47012 2539728 9694 0 8584 20583 3282 18 177312 343 62654 1535")
	f.Add("7 0 loop0 -1 x")
	f.Fuzz(func(t *testing.T, line string) {
		if fields := strings.Fields(line); len(fields) > 2 {
			c, err := parseCounters(fields)
			if err == nil && c.Name != fields[2] {
				t.Errorf("parseCounters(%q) = %+v", line, c)
			}
		}
	})
}
