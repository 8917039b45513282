package verdict

import (
	"fmt"
	"strings"

	"flushbench/metrics/result"
)

// soakSeconds is how much measured time it takes before the slow changes of a
// drive (garbage collection, burst credit, heat) have had a chance to show.
const soakSeconds = 30 * 60

// NotTested returns what a reader could wrongly take for tested, one item
// each, in the order of importance.
func NotTested(r *result.Result) []string {
	items := []string{}
	binlog, paced, server := false, false, false
	methods := map[string]bool{}
	policies := map[string]bool{}
	var seconds float64
	for i := range r.Cells {
		c := &r.Cells[i]
		if len(c.Rounds) == 0 {
			continue
		}
		binlog = binlog || c.Params.SyncBinlog != nil
		paced = paced || c.Params.Load == result.LoadPaced && c.Params.Target == "" // a server shows none
		server = server || c.Params.Target != ""
		if c.Params.Target == "" {
			methods[c.Params.FlushMethod] = true
		}
		policies[c.Params.Policy] = true
		for _, round := range c.Rounds {
			seconds += round.DurationS
		}
	}
	switch {
	case onlyServers(r):
		items = append(items, "the loss window (a server shows none)")
	case !paced:
		items = append(items, "the loss window (no paced cell)")
	}
	for _, p := range []string{"1", "2", "0"} {
		if !policies[p] {
			items = append(items, "policy "+p)
		}
	}
	if len(r.CrashTrials) == 0 {
		items = append(items, "real loss (nothing was crashed)", "a power cut and the drive's own cache")
	}
	if !binlog {
		items = append(items, "binlog")
	}
	if !server {
		items = append(items, "a real server")
	}
	if len(methods) == 1 {
		for m := range methods {
			items = append(items, "flush methods other than "+m)
		}
	}
	if seconds < soakSeconds {
		items = append(items, fmt.Sprintf("garbage collection, burst credit (%s s measured)", Count(seconds)))
	}
	return items
}

// AnswerBlock returns Answer laid out for a terminal.
func AnswerBlock(r *result.Result, width int) []string {
	return Block("ANSWER", Answer(r), width)
}

// NotTestedBlock returns NotTested laid out for a terminal.
func NotTestedBlock(r *result.Result, width int) []string {
	return Block("NOT TESTED", []string{strings.Join(NotTested(r), " | ")}, width)
}
