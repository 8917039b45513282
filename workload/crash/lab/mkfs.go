package lab

import "strings"

// mkfsArguments are the arguments of mkfs.ext4 or mkfs.xfs before the name of
// what is formatted. Nothing is discarded: that would punch holes into an image
// that was written in full, and each flush would pay for filling them. ext4 writes
// its tables at once, not from a kernel thread during the trials.
func mkfsArguments(fs FSType, options []string) []string {
	if fs == XFS {
		return append([]string{"-q", "-f", "-K"}, options...)
	}
	extended := "nodiscard,lazy_itable_init=0,lazy_journal_init=0"
	rest := make([]string, 0, len(options))
	for i := 0; i < len(options); i++ {
		// mkfs.ext4 heeds the last -E only, so all go into one.
		value, ok := strings.CutPrefix(options[i], "-E")
		if ok && value == "" && i+1 < len(options) {
			i++
			value = options[i]
		}
		if ok && value != "" {
			extended += "," + value
			continue
		}
		rest = append(rest, options[i])
	}
	return append([]string{"-q", "-F", "-b", "4096", "-m", "0", "-E", extended}, rest...)
}

// outerOptions are those of the outer file system: it holds a single file.
var outerOptions = []string{"-N", "32", "-J", "size=16"}

// firstLine is the first line of what a program said that has anything in it.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}
