package verdict

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/result"
)

// diverging are the trials of one crash kind that left the two logs different though
// nothing that was acknowledged was gone.
type diverging struct {
	trials int
	lost   bool // other trials lost something, or nobody knows
}

// see adds the trials of a cell.
func (d *diverging) see(s *result.CrashSummary) {
	d.trials += s.Diverged
	d.lost = d.lost || s.Verdict != result.VerdictKept && s.Verdict != result.VerdictDiverged
}

// alone reports whether the logs differed and that was all.
func (d *diverging) alone() bool { return d.trials > 0 && !d.lost }

// crashPoint is where in a commit a cell's crashes struck; "": at any moment.
func crashPoint(c *result.CrashCell) string {
	switch c.Point {
	case "":
		return ""
	case "between-logs":
		return ", crashed between its logs,"
	}
	return ", crashed " + strings.ReplaceAll(c.Point, "-", " ") + ","
}

// CrashFaultText is what goes wrong before a crash, in words; "": nothing does.
func CrashFaultText(fault string) string {
	switch fault {
	case "eio":
		return "a flush fails with EIO"
	case "enospc":
		return "the disk runs full (ENOSPC)"
	}
	return fault
}

// crashFault says what had gone wrong before the crashes of a cell; "": nothing.
func crashFault(c *result.CrashCell) string {
	switch c.Fault {
	case "":
		return ""
	case "eio":
		return ", after a flush had failed,"
	case "enospc":
		return ", after the disk had run full,"
	}
	return ", after " + c.Fault + ","
}

// CrashFaults are the faults of the cells that are no controls, "" for none, each once
// and in order.
func CrashFaults(r *result.Result) (out []string) {
	for i := range r.Cells {
		if c := &r.Cells[i]; tried(c) && !slices.Contains(out, c.Crash.Fault) {
			out = append(out, c.Crash.Fault)
		}
	}
	return out
}

// crashDifference names, of a matrix without two-phase commit, one transaction that a
// crash left in one log alone; "": there was none.
func crashDifference(r *result.Result) string {
	for i := range r.CrashTrials {
		t := &r.CrashTrials[i]
		if t.CommitProtocol == "" || t.Control || len(t.Differences) == 0 || len(t.Differences[0].Rows) == 0 {
			continue
		}
		d := &t.Differences[0]
		lacks := result.LogEngine
		if d.Log == lacks {
			lacks = result.LogBinlog
		}
		told := "nobody had been told of it"
		if d.Acked {
			told = "the client had been told of it"
		}
		return fmt.Sprintf("For example %s, trial %d: the %s has transaction %d of client %d, the %s lacks it (%s). So %s not the same on a replica, or after a restore.",
			t.Cell, t.Trial, d.Log, d.Seq, d.Client, lacks, told, rowsAre(d.Rows))
	}
	return ""
}

// rowsAre names rows, the first of them if they are many.
func rowsAre(rows []uint64) string {
	const most = 4
	if len(rows) == 1 {
		return fmt.Sprintf("row %d is", rows[0])
	}
	var names []string
	for _, key := range rows[:min(len(rows), most)] {
		names = append(names, strconv.FormatUint(key, 10))
	}
	if n := len(rows) - most; n > 0 {
		return "rows " + strings.Join(names, ", ") + fmt.Sprintf(" and %d more are", n)
	}
	last := len(names) - 1
	return "rows " + strings.Join(names[:last], ", ") + " and " + names[last] + " are"
}
