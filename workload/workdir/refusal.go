package workdir

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"flushbench/metrics/hostinfo"
)

// Refusal is returned when a run must not or cannot happen in a folder: bad
// input, exit code 2. Nothing was written.
type Refusal struct {
	// Lines are the screen without the program's name: first what and where,
	// then, indented by two, what can be done.
	Lines []string
}

// Error joins the lines.
func (r *Refusal) Error() string { return strings.Join(r.Lines, "\n") }

func refuse(first string, advice ...string) *Refusal {
	lines := []string{"refused: " + first}
	for _, a := range advice {
		lines = append(lines, "  "+a)
	}
	return &Refusal{Lines: lines}
}

const nothingWritten = "Nothing was written."

func missingFolder(path string) *Refusal {
	return refuse(fmt.Sprintf("folder %s does not exist", path),
		"--dir takes an existing folder that you may write to. "+nothingWritten)
}

func notAFolder(path string) *Refusal {
	return refuse(fmt.Sprintf("%s is not a folder", path),
		"--dir takes an existing folder that you may write to. "+nothingWritten)
}

func readOnly(path, where string) *Refusal {
	return refuse(fmt.Sprintf("%s is on a read-only file system%s", path, where),
		"Choose a folder that you may write to with --dir. "+nothingWritten)
}

func memoryOnly(path, what string) *Refusal {
	return refuse(fmt.Sprintf("%s is on %s, which is memory: nothing is durable there", path, what),
		"Choose a folder on a disk with --dir, or measure it all the same with",
		"--allow-volatile. "+nothingWritten)
}

func (o *Options) tooLittleSpace(path string, free, reserve int64) *Refusal {
	return refuse(fmt.Sprintf("%s has %s free, this run needs %s and leaves %s", path, hostinfo.Bytes(free), hostinfo.Bytes(o.NeedBytes), hostinfo.Bytes(reserve)),
		fmt.Sprintf("Lower %s, or choose another folder with --dir.", o.lower()), nothingWritten)
}

func (o *Options) budgetTooSmall() *Refusal {
	return refuse(fmt.Sprintf("--max-write-bytes is %s, but the files alone take %s", hostinfo.Bytes(o.MaxWriteBytes), hostinfo.Bytes(o.NeedBytes)),
		fmt.Sprintf("Raise it, or lower %s. ", o.lower())+nothingWritten)
}

// lower are the flags by which a run would hold less.
func (o *Options) lower() string { return cmp.Or(o.Lower, "--log-capacity") }

func secondRun(work, holder string) *Refusal {
	return refuse(fmt.Sprintf("another flushbench (%s) works in %s", holder, work),
		"Wait until it ends, or choose another folder with --dir. "+nothingWritten)
}

func foreignFolder(work, why string) *Refusal {
	return refuse(fmt.Sprintf("%s was not made by flushbench: %s", work, why),
		"Move it away, or choose another folder with --dir. "+nothingWritten)
}

// cannotWrite turns the error of the first write into a refusal; an error
// that no user's mistake explains stays an error.
func cannotWrite(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return refuse(fmt.Sprintf("no permission to write in %s", path),
			"Choose a folder that you may write to with --dir. "+nothingWritten)
	case isReadOnly(err):
		return readOnly(path, "")
	case errors.Is(err, fs.ErrNotExist):
		return refuse(fmt.Sprintf("the file system of %s makes no folders", path),
			"Choose a folder on a disk with --dir. "+nothingWritten)
	case isFull(err):
		return refuse(fmt.Sprintf("the file system of %s is full", path),
			"Free some space, or choose another folder with --dir. "+nothingWritten)
	}
	return fmt.Errorf("workdir: make a folder in %s: %w", path, err)
}

// maxListed bounds how many neighbours one screen names.
const maxListed = 4

func liveDatabase(found []hostinfo.Neighbour) *Refusal {
	var lines []string
	for i, n := range found {
		where := fmt.Sprintf("has files open on this device (%s)", n.Device)
		if n.Assumed {
			where = fmt.Sprintf("keeps its data in %s on this device (%s)", n.Path, n.Device)
		}
		who := fmt.Sprintf("%s (pid %d) %s", n.Command, n.PID, where)
		switch {
		case i == 0:
			lines = append(lines, "refused: "+who)
		case i < maxListed:
			lines = append(lines, "  and "+who)
		case i == maxListed:
			lines = append(lines, fmt.Sprintf("  and %d more", len(found)-maxListed))
		}
	}
	return &Refusal{Lines: append(lines,
		"  A full run would slow its commits. Gentle look (20 flushes/s, 10 s):",
		"      flushbench probe --gentle",
		"  To run anyway: --beside-live-database. "+nothingWritten)}
}
