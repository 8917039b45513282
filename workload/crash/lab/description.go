package lab

import "errors"

// ErrMount is in the error of New, Restart and Format when the kernel refused to
// mount a file system: because of its options, or because the crash left nothing
// that can be mounted, as it may when the file system sends no flushes.
var ErrMount = errors.New("cannot mount")

// Description says what a Disk is made of, as the kernel and the superblocks
// have it. Fields that a kind does not have are empty; of CrashProcess there are
// the first five, about the file system that the folder lies on.
type Description struct {
	Kernel  string // release of the running kernel
	FS      string // type of the file system that Path is on
	Mkfs    string // the command that made it, with its version; "": not ours
	Mounted string // its mount options as the kernel shows them, separated by commas
	Backing string // what it stands on: "folder", "image", "image on ext4" or the device's path

	FSBytes      int64 // size of the file system
	BlockBytes   int   // allocation unit
	SectorBytes  int   // smallest write to its log; the loop device's sectors have 512
	JournalBytes int64 // size of its journal; 0: it has none

	OuterMkfs    string // CrashPower: the command that made the outer file system
	OuterMounted string // CrashPower: its mount options as the kernel shows them
}
