package trace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// names lists the steps of a phase, one name after the other once.
func names(tr *result.Trace, phase string) string {
	var out []string
	for _, s := range tr.Steps {
		if s.Phase == phase {
			out = append(out, s.Name)
		}
	}
	return strings.Join(out, ", ")
}

// in reports whether a list is want, but for writes of the log in between: the log
// writer comes when it likes.
func in(want, got string) bool {
	left := strings.Split(want, ", ")
	for name := range strings.SplitSeq(got, ", ") {
		switch {
		case len(left) > 0 && left[0] == name:
			left = left[1:]
		case name != "redo written":
			return false
		}
	}
	return len(left) == 0
}

// What a commit waits for, by policy: the order of the steps is the policy.
func TestStepsOfACommit(t *testing.T) {
	for p, want := range map[pair]string{
		{groupcommit.Policy1, 1}:  "PREPARE, redo written, redo flushed, binlog written, binlog flushed, COMMIT, acknowledged",
		{groupcommit.Policy1, 0}:  "PREPARE, redo written, redo flushed, binlog written, COMMIT, acknowledged",
		{groupcommit.Policy2, 1}:  "PREPARE, redo written, binlog written, binlog flushed, COMMIT, acknowledged",
		{groupcommit.Policy0, 1}:  "PREPARE, binlog written, binlog flushed, COMMIT, acknowledged",
		{groupcommit.Policy3, 1}:  "PREPARE, redo written, redo flushed, binlog written, binlog flushed, COMMIT, redo written, redo flushed, acknowledged",
		{groupcommit.Policy1, -1}: "COMMIT, redo written, redo flushed, acknowledged",
		{groupcommit.Policy2, -1}: "COMMIT, redo written, acknowledged",
		{groupcommit.Policy0, -1}: "COMMIT, acknowledged",
	} {
		cfg := p.config(newDisk(t))
		cfg.Load.Notes = false
		tr := mustRun(t, cfg)
		if got := names(tr, result.TraceCommit); !in(want, got) {
			t.Errorf("%v: %s; want %s", p, got, want)
		}
		statement := "row lock, undo record, redo record"
		if p.sync >= 0 {
			statement += ", binlog cache"
		}
		if got := names(tr, result.TraceStatement); !in(statement, got) {
			t.Errorf("%v: statement %s; want %s", p, got, statement)
		}
		later := names(tr, result.TraceLater)
		if want := "doublewrite, copy flushed, page written, page flushed, checkpoint"; !strings.HasSuffix(later, want) {
			t.Errorf("%v: later %s; want %s at the end", p, later, want)
		}
		checkOrder(t, tr)
	}
}

// checkOrder checks what holds of every trace.
func checkOrder(t *testing.T, tr *result.Trace) {
	t.Helper()
	for i, s := range tr.Steps {
		if s.BeganNS < 0 || s.EndedNS < s.BeganNS || i > 0 && s.EndedNS < tr.Steps[i-1].EndedNS {
			t.Errorf("step %d, %s: from %d to %d ns after one that ended at %d", i, s.Name, s.BeganNS, s.EndedNS, tr.Steps[max(i-1, 0)].EndedNS)
		}
		if s.Acked != (tr.AckedNS > 0 && s.EndedNS >= tr.AckedNS && (s.Phase == result.TraceLater || s.Name == "acknowledged")) {
			t.Errorf("step %d, %s: acknowledged %v", i, s.Name, s.Acked)
		}
		for _, c := range s.Crashes {
			lost := slices.Contains(c.Outcomes, result.FateLost)
			if back := slices.Contains(c.Outcomes, result.FateRolledBack); lost && !s.Acked || back && s.Acked || len(c.Outcomes) == 0 {
				t.Errorf("step %d, %s: %v, acknowledged %v", i, s.Name, c, s.Acked)
			}
		}
	}
}

// What follows by itself: the timer, the page cleaner, the checkpointer.
func TestLater(t *testing.T) {
	for _, clients := range []int{1, 4} {
		// Any of them may come right before the client is told: then it does not follow.
		testenv.Attempts(t, 5, func(int) error { return later(t, clients) })
	}
}

// later traces a transaction of one of so many clients to its end, and says what has not
// followed it.
func later(t *testing.T, clients int) error {
	t.Helper()
	cfg := pair{groupcommit.Policy2, 1}.config(newDisk(t))
	cfg.Database.Commit.Interval = 20 * time.Millisecond
	cfg.Clients, cfg.Later = clients, 2*time.Minute // it ends as soon as all is done
	tr := mustRun(t, cfg)
	checkOrder(t, tr)
	by := map[string]string{}
	for _, s := range tr.Steps {
		by[s.Phase+" "+s.Name] = s.By
	}
	follows := map[string]string{"later page flushed": byCleaner, "later checkpoint": byChecks}
	if clients == 1 {
		follows["later redo flushed"] = byItself
	}
	var missing error
	for name, want := range follows {
		switch by[name] {
		case want:
		case "":
			missing = fmt.Errorf("%d clients: no %s", clients, name)
		default:
			t.Errorf("%d clients: %s by %q; want %q", clients, name, by[name], want)
		}
	}
	last := tr.Steps[len(tr.Steps)-1]
	for _, c := range last.Crashes {
		if !slices.Equal(c.Outcomes, []string{result.FateCommitted}) {
			t.Errorf("%d clients: in the end a crash (%s) leaves it %v", clients, c.Kind, c.Outcomes)
		}
	}
	if last.Redo != result.PlaceDisk || last.Binlog != result.PlaceDisk || last.Data != result.PlaceDisk {
		t.Errorf("%d clients: in the end the bytes are in %q, %q and %q; want disk", clients, last.Redo, last.Binlog, last.Data)
	}
	return missing
}

// Beside others a commit waits for the group before it, and the trace is of one
// transaction: each record once.
func TestBesideOthers(t *testing.T) {
	cfg := pair{groupcommit.Policy1, 1}.config(newDisk(t))
	cfg.FS = vfs.NewSlow(cfg.FS, vfs.Latency{Add: 200 * time.Microsecond})
	cfg.Clients, cfg.Load.Kind, cfg.Load.RowsPerTxn = 6, workload.KindBank, 2
	tr := mustRun(t, cfg)
	checkOrder(t, tr)
	count := map[string]int{}
	for _, s := range tr.Steps {
		count[s.Name]++
	}
	for name, want := range map[string]int{"PREPARE": 1, "COMMIT": 1, "acknowledged": 1, "group closed": 1, "binlog written": 1, "binlog flushed": 1, "redo record": 3, "row lock": 3} {
		if count[name] != want {
			t.Errorf("%d steps %q; want %d (%s)", count[name], name, want, names(tr, result.TraceCommit))
		}
	}
	if tr.TrxID == 0 || tr.BinlogSeq == 0 || len(tr.Statements) != 3 {
		t.Errorf("transaction %d, number %d, %d statements", tr.TrxID, tr.BinlogSeq, len(tr.Statements))
	}
}

// A page that is not in the buffer pool is read after its row is locked.
func TestPageRead(t *testing.T) {
	cfg := pair{groupcommit.Policy1, 1}.config(newDisk(t))
	cfg.Load.Rows, cfg.Load.Notes, cfg.Warmup = 20_000, false, -1
	cfg.Later = 2 * time.Minute // what follows must not pass for it
	tr := mustRun(t, cfg)
	if got, want := names(tr, result.TraceStatement), "row lock, page read, undo record, redo record, binlog cache"; !in(want, got) {
		t.Errorf("statement: %s; want %s", got, want)
	}
	if s := tr.Steps[1]; !strings.HasPrefix(s.Page, "table.pages ") || s.Bytes != 16384 {
		t.Errorf("read %q, %d bytes", s.Page, s.Bytes)
	}
}

// Each workload with rows can be traced.
func TestWorkloads(t *testing.T) {
	for _, k := range workload.Kinds.All() {
		cfg := pair{groupcommit.Policy1, 1}.config(newDisk(t))
		cfg.Load.Kind, cfg.Load.RowsPerTxn, cfg.Load.ReadShare, cfg.Load.RollbackShare = k, 0, 0.3, 0.3
		tr, err := Run(context.Background(), cfg)
		if !k.Transactional() {
			if err == nil || !strings.Contains(err.Error(), "no rows to follow") {
				t.Errorf("%v: %v", k, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", k, err)
			continue
		}
		checkOrder(t, tr)
		if tr.AckedNS == 0 || tr.Workload != k.String() {
			t.Errorf("%v: %s acknowledged at %d", k, tr.Workload, tr.AckedNS)
		}
	}
}

func TestRefusals(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"no redo log to follow": func(c *Config) {
			c.Database.Durability, c.Database.Binlog.Enabled = engine.DurabilityForcePages, false
		},
		"clients: must be":    func(c *Config) { c.Clients = -1 },
		"would commit":        func(c *Config) { c.Load.ReadShare = 1 },
		"log capacity of 300": func(c *Config) { c.Database.Capacity = 300 },
	} {
		disk := newDisk(t)
		cfg := pair{groupcommit.Policy1, 1}.config(disk)
		change(&cfg)
		tr, err := Run(context.Background(), cfg)
		if tr != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v; want an error that says %q", tr, err, want)
		}
		if left, err := disk.List(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: %v was made, %v", want, left, err)
		}
	}
}

// Interrupted before the transaction there is a trace without steps.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tr, err := Run(ctx, pair{groupcommit.Policy1, 1}.config(newDisk(t)))
	if tr == nil || !errors.Is(err, context.Canceled) || len(tr.Steps) != 0 {
		t.Errorf("%+v, %v; want no step, and %v", tr, err, context.Canceled)
	}
}

// The load that follows ends where no more may be written.
func TestMaxWriteBytes(t *testing.T) {
	cfg := pair{groupcommit.Policy1, 1}.config(newDisk(t))
	cfg.Later, cfg.MaxWriteBytes = 2*time.Minute, 1
	tr := mustRun(t, cfg)
	if len(tr.Notes) != 1 || !strings.Contains(tr.Notes[0], "ended early") {
		t.Errorf("notes %q", tr.Notes)
	}
}
