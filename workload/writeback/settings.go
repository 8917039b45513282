package writeback

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"flushbench/metrics/hostinfo"
)

// Settings are what decides when the kernel writes back, as it says itself.
type Settings struct {
	Expire   time.Duration // vm.dirty_expire_centisecs: dirty for so long is due
	Interval time.Duration // vm.dirty_writeback_centisecs: how often it looks; 0: never
	// Background is from how many dirty bytes of all files on it writes at once:
	// vm.dirty_background_bytes, or the ratio of what is free or cache now. 0: unknown.
	Background int64

	FSType string // ext4, xfs, ...
	// Journal: changes of metadata go to a journal, which is flushed every Commit (ext4
	// commit=, XFS fs.xfs.xfssyncd_centisecs). 0: unknown.
	Journal bool
	Commit  time.Duration
	Ordered bool // ext4 data=ordered: new blocks are written before their journal commits
	Data    bool // ext4 data=journal: the data go to the journal
	Delayed bool // blocks are allocated when they are written back (ext4 delalloc, XFS)
	NoFlush bool // nobarrier: the journal is not flushed
}

// SettingsOf reads the settings of this machine for files below path, which has no
// symbolic links in it.
func SettingsOf(path string) Settings {
	var at hostinfo.Mount
	for _, m := range hostinfo.Mounts() {
		// Of two on one point the later one hides the earlier.
		if len(m.Point) >= len(at.Point) && (m.Point == "/" || path == m.Point || strings.HasPrefix(path, m.Point+"/")) {
			at = m
		}
	}
	return ReadSettings(os.DirFS("/"), at)
}

// ReadSettings reads the settings for files on a mount. root is the machine's root
// folder, os.DirFS("/") or a test's.
func ReadSettings(root fs.FS, m hostinfo.Mount) Settings {
	s := Settings{FSType: m.Type}
	s.Expire, _ = centisecs(root, "proc/sys/vm/dirty_expire_centisecs")
	s.Interval, _ = centisecs(root, "proc/sys/vm/dirty_writeback_centisecs")
	s.Background = background(root)
	options := m.Options
	switch m.Type {
	case "ext4":
		// The mount table leaves out what is the default.
		if all := text(root, path.Join("proc/fs/ext4", path.Base(m.Source), "options")); all != "" {
			options = strings.Fields(all)
		}
		s.ext4(options)
	case "xfs":
		s.Journal, s.Delayed = true, true
		s.Commit, _ = centisecs(root, "proc/sys/fs/xfs/xfssyncd_centisecs")
		s.NoFlush = slices.Contains(options, "nobarrier")
	}
	return s
}

// ext4 reads the options as /proc/fs/ext4 lists them: data= only with a journal.
func (s *Settings) ext4(options []string) {
	s.Delayed = !slices.Contains(options, "nodelalloc")
	s.NoFlush = slices.Contains(options, "nobarrier") || slices.Contains(options, "barrier=0")
	for _, o := range options {
		switch name, value, _ := strings.Cut(o, "="); name {
		case "data":
			s.Journal, s.Ordered, s.Data = true, value == "ordered", value == "journal"
		case "commit":
			n, _ := strconv.Atoi(value) // the kernel's own number
			s.Commit = time.Duration(n) * time.Second
		}
	}
	if !s.Journal {
		s.Commit = 0
	}
}

// background is the threshold in bytes; 0: unknown.
func background(root fs.FS) int64 {
	if n, ok := number(root, "proc/sys/vm/dirty_background_bytes"); ok && n > 0 {
		return n
	}
	ratio, ok := number(root, "proc/sys/vm/dirty_background_ratio")
	if !ok {
		return 0
	}
	for line := range strings.Lines(text(root, "proc/meminfo")) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64) // 0: unknown
			return kib * 1024 / 100 * ratio
		}
	}
	return 0
}

// centisecs reads a time in hundredths of a second.
func centisecs(root fs.FS, name string) (time.Duration, bool) {
	n, ok := number(root, name)
	return time.Duration(n) * 10 * time.Millisecond, ok
}

func number(root fs.FS, name string) (int64, bool) {
	n, err := strconv.ParseInt(text(root, name), 10, 64)
	return n, err == nil
}

// text is a file's content without white space around it; "": not there.
func text(root fs.FS, name string) string {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
