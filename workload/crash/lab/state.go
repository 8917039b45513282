package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What a Disk makes in its folder. Nothing else is ever removed from it.
const (
	stateName  = "lab.state"
	innerImage = "fs.img"    // holds the file system that Path is on; under CrashPower it lies in outerPoint
	outerImage = "outer.img" // holds the outer file system
	innerPoint = "fs"        // where that file system is mounted
	outerPoint = "outer"     // where the outer one is
	workFolder = "work"      // CrashProcess: the folder itself; else Path is that folder in innerPoint
)

// stateMagic is the first line of a state file.
const stateMagic = "flushbench crash lab: flushbench made what is listed here and removes it"

// The words that begin a line of a state file, and what they may be followed by.
const (
	wordPID    = "pid"    // who made it
	wordFile   = "file"   // an image
	wordMount  = "mount"  // a mount point, and what is mounted there
	wordFolder = "folder" // a folder and all that is in it
	wordDevice = "device" // a block device, by major:minor, that is mounted on innerPoint
)

var stateNames = map[string][]string{
	wordFile:   {innerImage, outerImage},
	wordMount:  {innerPoint, outerPoint},
	wordFolder: {workFolder},
}

// made is what a state file lists: what was made, or was about to be.
type made struct {
	pid     int
	device  string              // major:minor of Options.Device; "": an image
	entries map[string][]string // word to names
}

func (m made) has(word, name string) bool { return slices.Contains(m.entries[word], name) }

// parseState reads a state file. A last line without its end was cut off by a
// crash, before the step that it announces, and does not count; an empty file
// lists nothing.
func parseState(text string) (made, error) {
	m := made{entries: map[string][]string{}}
	lines := strings.SplitAfter(text, "\n")
	if text == "" || len(lines) == 1 && strings.HasPrefix(stateMagic, text) {
		return m, nil
	}
	if lines[0] != stateMagic+"\n" {
		return m, fmt.Errorf("line 1: not a state file of the crash lab")
	}
	for i, line := range lines[1:] {
		line, whole := strings.CutSuffix(line, "\n")
		if !whole {
			break
		}
		if err := m.add(line); err != nil {
			return made{}, fmt.Errorf("line %d: %w", i+2, err)
		}
	}
	return m, nil
}

// add takes in one line.
func (m *made) add(line string) error {
	word, name, _ := strings.Cut(line, " ")
	legal, named := stateNames[word]
	switch {
	case named && slices.Contains(legal, name):
		if !m.has(word, name) {
			m.entries[word] = append(m.entries[word], name)
		}
		return nil
	case word == wordPID:
		pid, err := strconv.Atoi(name)
		if err != nil || pid <= 0 {
			return fmt.Errorf("%q: not a process id", name)
		}
		m.pid = pid
		return nil
	case word == wordDevice && isNumberPair(name):
		m.device = name
		return nil
	}
	return fmt.Errorf("%q: nothing that this version makes", line)
}

// isNumberPair reports whether s is a device number such as 8:17.
func isNumberPair(s string) bool {
	major, minor, ok := strings.Cut(s, ":")
	for _, n := range []string{major, minor} {
		if _, err := strconv.ParseUint(n, 10, 32); err != nil {
			return false
		}
	}
	return ok
}
