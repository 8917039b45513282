package runner

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// A cell with background I/O has some beside it, says what it came to, and counts none
// of it as the log's: its flushes and bytes are those of its commits, as in the cell
// without.
func TestBackground(t *testing.T) {
	t.Parallel()
	busy := spec("busy", groupcommit.Policy1, 1)
	busy.Background = workload.Background{Read: 32 << 20, Write: 256 << 20, Block: 64 << 10}
	busy.Duration, busy.Rate = 200*time.Millisecond, 1000
	idle := spec("idle", groupcommit.Policy1, 1)
	attempts(t, func() error { return background(t, busy, idle) })
}

// background runs both cells and fails the test for what no machine may change in them. It
// returns what one does that stands still for all of a cell: there is nothing beside it.
func background(t *testing.T, busy, idle Spec) (wrong error) {
	t.Helper()
	cfg := config(t, Plan{Specs: []Spec{busy, idle}, Rounds: 2, Seed: 3, BackgroundBytes: workload.MaxBlock})
	_, folder := mustRun(t, cfg)
	res := saved(t, folder)
	var log, commits int64
	for i := range res.Cells {
		c := &res.Cells[i]
		for _, r := range c.Rounds {
			b := r.Background
			log, commits = log+r.Bytes.Log, commits+r.Commits
			if c.Name == "idle" {
				if b != nil || c.Params.BackgroundIO != "" {
					t.Errorf("idle: round %d: %+v beside %q", r.Round, b, c.Params.BackgroundIO)
				}
				continue
			}
			if c.Params.BackgroundIO != "read=32MiB/s,write=256MiB/s,random=64KiB" {
				t.Errorf("params say %q", c.Params.BackgroundIO)
			}
			if b == nil || b.Read == nil || b.Write == nil {
				t.Fatalf("busy: round %d: %+v", r.Round, b)
			}
			if b.Read.Operations == 0 || b.Write.Operations == 0 {
				wrong = fmt.Errorf("busy: round %d: %+v, %+v", r.Round, b.Read, b.Write)
			}
			behind := slices.ContainsFunc(r.Warnings, func(w result.Warning) bool { return w.Code == "background-behind" })
			if behind != (b.Achieved < backgroundKept) {
				t.Errorf("busy: round %d: %.2f was done, warned %v", r.Round, b.Achieved, behind)
			}
			// A commit of one client writes its record and what stands before it in its block.
			if written := int64(b.Write.BytesPS * b.DurationS); r.Bytes.Log > written/2+1024*(r.Commits+r.WarmupCommits+1) {
				t.Errorf("busy: round %d: %d bytes of log for %d commits: the %d of others are among them", r.Round, r.Bytes.Log, r.Commits, written)
			}
		}
	}
	if least := log + 2*workload.MaxBlock; res.BytesWritten < least {
		t.Errorf("%d bytes were written; the log and the files alone are %d", res.BytesWritten, least)
	}
	return wrong
}

// The plan knows what the I/O beside its cells holds on disk and writes.
func TestBackgroundIsPlanned(t *testing.T) {
	p := Plan{Specs: []Spec{spec("x", groupcommit.Policy1, 1)}, Rounds: 3}
	need, bytes := p.needBytes(), p.Bytes()
	p.Specs[0].Background = workload.Background{Read: 1 << 20, Write: 10 << 20}
	const files = 2 * 256 << 20
	if got := p.needBytes() - need; got != files {
		t.Errorf("it holds %d bytes more; want %d", got, files)
	}
	if got, least := p.Bytes()-bytes, files+3*int64(10<<20*p.Specs[0].Duration.Seconds()); got < least {
		t.Errorf("it writes %d bytes more; want at least %d", got, least)
	}
}

// A budget that the background I/O would pass ends the run as any other does: what
// was written stays within it.
func TestBackgroundBudget(t *testing.T) {
	s := spec("busy", groupcommit.Policy1, 1)
	s.Background = workload.Background{Write: 512 << 20}
	s.Duration = time.Minute // the budget ends it
	cfg := config(t, Plan{Specs: []Spec{s}, Rounds: 1, Seed: 3, BackgroundBytes: workload.MaxBlock})
	cfg.MaxWriteBytes = s.Engine.Capacity + 64<<20
	_, folder := mustRun(t, cfg)
	res := saved(t, folder)
	if res.BytesWritten > cfg.MaxWriteBytes {
		t.Errorf("%d bytes were written; the limit is %d", res.BytesWritten, cfg.MaxWriteBytes)
	}
	if c := res.Cells[0]; c.Bound != result.BoundWriteBudget || len(c.Rounds) == 1 && !c.Rounds[0].Partial {
		t.Errorf("bound %q, %d rounds; want the write budget", c.Bound, len(c.Rounds))
	}
}
