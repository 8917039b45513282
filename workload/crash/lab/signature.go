package lab

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// magic is a mark that tells what a disk holds.
type magic struct {
	at    int64
	mark  string
	means string
}

// magics are the marks that wipefs(8) would find first, in the order in which
// they are looked for: what spans a whole disk before what a sector can hold by
// chance.
var magics = []magic{
	{0, "LUKS\xba\xbe", "LUKS, encrypted"},
	{0, "XFSB", "xfs"},
	{0x10040, "_BHRfS_M", "btrfs"},
	{0x438, "\x53\xEF", "ext"},
	{4096 - 10, "SWAPSPACE2", "swap"},
	{4096 - 10, "S1SUSPEND\x00", "swap with a suspended system"},
	{512 + 24, "LVM2 001", "LVM physical volume"},
	{24, "LVM2 001", "LVM physical volume"},
	{4096, "\xfc\x4e\x2b\xa9", "Linux RAID member"},
	{0, "\xfc\x4e\x2b\xa9", "Linux RAID member"},
	{0x20000, "\x0c\xb1\xba\x00", "ZFS member"},
	{0x21000, "\x0c\xb1\xba\x00", "ZFS member"},
	{0, "bluestore block device", "Ceph OSD"},
	{3, "NTFS    ", "ntfs"},
	{3, "EXFAT   ", "exfat"},
	{82, "FAT32   ", "vfat"},
	{54, "FAT16   ", "vfat"},
	{0x400, "\x10\x20\xF5\xF2", "f2fs"},
	{0x8001, "CD001", "iso9660"},
	{512, "EFI PART", "GPT partition table"},
	{4096, "EFI PART", "GPT partition table"},
	{510, "\x55\xAA", "MBR partition table or boot sector"},
}

// probed is how much of a disk is looked at, in bytes.
const probed = 1 << 20

// signature says what the beginning of a disk looks like. It never fails on
// what it reads, only when it cannot read.
func signature(r io.ReaderAt) (string, error) {
	head := make([]byte, probed)
	n, err := io.ReadFull(io.NewSectionReader(r, 0, probed), head)
	if err != nil && n == 0 {
		return "", fmt.Errorf("lab: look at the contents: %w", err)
	}
	head = head[:n]
	for _, m := range magics {
		if at := int(m.at); at+len(m.mark) <= n && string(head[at:at+len(m.mark)]) == m.mark {
			return m.means + labelOf(m.means, head), nil
		}
	}
	if len(bytes.Trim(head, "\x00")) == 0 {
		return "nothing: its first MiB is zero", nil
	}
	return "unknown data", nil
}

// labelOf is the name that a file system was given, in quotes after a space, or
// nothing.
func labelOf(means string, head []byte) string {
	from, size := 0, 0
	switch means {
	case "ext":
		from, size = ext4At+120, 16
	case "xfs":
		from, size = 108, 12
	}
	if size == 0 || from+size > len(head) {
		return ""
	}
	label := strings.TrimRight(string(head[from:from+size]), "\x00 ")
	if label == "" {
		return ""
	}
	return fmt.Sprintf(" %q", label)
}
