package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/driver"
	"flushbench/workload/workdir"
)

// failing runs a plan whose file system fails in mid-run.
func failing(t *testing.T, p Plan, faults vfs.Faults) (*result.Result, string, error) {
	t.Helper()
	cfg := config(t, p)
	cfg.WrapFS = func(fs vfs.FS) vfs.FS {
		f, err := vfs.NewFaulty(&lazy{FS: fs}, faults)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	res, folder, err := Run(context.Background(), cfg)
	empty(t, cfg.Base)
	return res, folder, err
}

// An injected error in mid-run ends it: the error is returned and saved, what
// was finished is kept, and the failed cell acknowledges nothing afterwards.
func TestInjectedErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault vfs.Fault
		want  error
	}{
		{"EIO on a flush", vfs.Fault{Kind: vfs.FailFlush, Path: "redo.*", N: 60, Sticky: true}, syscall.EIO},
		{"EIO on one flush only", vfs.Fault{Kind: vfs.FailFlush, Path: "redo.*", N: 60}, syscall.EIO},
		{"EIO on a write", vfs.Fault{Kind: vfs.FailWrite, Path: "redo.*", N: 100}, syscall.EIO},
		{"ENOSPC", vfs.Fault{Kind: vfs.FailSpace, Path: "redo.*", N: 8<<20 + 20<<10}, syscall.ENOSPC},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := smallPlan(50)
			p.Limit = 0 // else the limit loop may be what fails
			res, folder, err := failing(t, p, vfs.Faults{c.fault})
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v; want %v", err, c.want)
			}
			r := saved(t, folder)
			if r.Complete || r.Interrupted || r.Error == "" || r.Error != res.Error || !strings.Contains(err.Error(), "redo.") {
				t.Errorf("complete %v, interrupted %v, error %q; returned %v", r.Complete, r.Interrupted, r.Error, err)
			}
			failed := 0
			for i := range r.Cells {
				for k := range r.Cells[i].Rounds {
					x := &r.Cells[i].Rounds[k]
					if !x.Partial {
						checkFinished(t, x)
						continue
					}
					failed++
				}
			}
			if failed > 1 {
				t.Errorf("%d partial rounds; want at most the one that failed", failed)
			}
		})
	}
}

func checkFinished(t *testing.T, r *result.Round) {
	t.Helper()
	if r.Errors != 0 || r.Verify == nil || !r.Verify.OK {
		t.Errorf("a finished round has %d errors, verify %+v", r.Errors, r.Verify)
	}
}

// Cells that were finished before the failure are in the file.
func TestFinishedCellsSurviveAFailure(t *testing.T) {
	cfg := config(t, smallPlan(3))
	cfg.Plan.Limit = 0
	disk := &lazy{}
	cfg.WrapFS = func(fs vfs.FS) vfs.FS { disk.FS = fs; return disk }
	cfg.Progress = &steps{on: func(i int) {
		if i == 6 {
			disk.broken.Store(true)
		}
	}}
	_, folder, err := Run(context.Background(), cfg)
	if !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	empty(t, cfg.Base)
	r := saved(t, folder)
	kept := 0
	for i := range r.Cells {
		kept += fullRounds(&r.Cells[i])
		if r.Cells[i].Summary == nil || !r.Cells[i].Partial {
			t.Errorf("%s: summary %v, partial %v; want a summary of the finished rounds", r.Cells[i].Name, r.Cells[i].Summary != nil, r.Cells[i].Partial)
		}
	}
	if kept != 5 || r.Complete || r.Error == "" {
		t.Errorf("%d finished rounds kept, complete %v, error %q; want the 5 before the failure", kept, r.Complete, r.Error)
	}
}

// No commit is acknowledged after the first failed flush. The failing flush
// is the last that any commit can have waited for: what was acknowledged is
// what the log held when the flush before it returned.
func TestNothingAcknowledgedAfterFailure(t *testing.T) {
	s := spec("x", groupcommit.Policy1, 8)
	s.Duration = time.Minute // the failure ends it
	c := newCellRun(t, &s, vfs.Faults{{Kind: vfs.FailFlush, Path: "redo.*", N: 50}})
	_, err := c.measure(context.Background(), 1, 1)
	if !errors.Is(err, syscall.EIO) || c.out.Ended != driver.EndFailed {
		t.Fatalf("error %v, ended %v", err, c.out.Ended)
	}
	var acked uint64
	for i, n := range c.out.Acked {
		acked += n
		if c.out.Submitted[i] > n+1 {
			t.Errorf("client %d: acknowledged %d, started %d: it went on after the failure", i, n, c.out.Submitted[i])
		}
	}
	// Groups are counted when their flush has succeeded, none after that.
	if acked != c.total.Grouped {
		t.Errorf("%d acknowledged, the flushes that succeeded covered %d", acked, c.total.Grouped)
	}
	if got := c.out.Warmup + c.out.Commits + c.out.After; uint64(got) != acked {
		t.Errorf("%d commits counted, the clients have %d acknowledged", got, acked)
	}
}

// newCellRun makes a cell with a log of its own, outside of a run.
func newCellRun(t *testing.T, s *Spec, faults vfs.Faults) *cellRun {
	t.Helper()
	base := testenv.OnDisk(t)
	d, err := workdir.Acquire(context.Background(), workdir.Options{Base: base, AllowVolatile: true, BesideLiveDatabase: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Release(); err != nil {
			t.Error(err)
		}
	})
	r := &run{
		plan: &Plan{Specs: []Spec{*s}, Rounds: 1}, res: &result.Result{Environment: d.Facts.Env, Cells: []result.Cell{{Name: s.Name}}},
		dir: d, fs: &lazy{FS: vfs.NewOS()}, seed: 7, cores: 1, logs: map[string]*logDir{}, bounds: map[string][]boundSeen{},
		sampler: hostinfo.NewSampler(), folders: folders{of: [numParts]*workdir.Dir{d, d, d}, volumes: []volume{{dir: d}}},
	}
	log, err := r.logFor(s)
	if err != nil {
		t.Fatal(err)
	}
	if r.fs, err = vfs.NewFaulty(r.fs, faults); err != nil {
		t.Fatal(err)
	}
	return &cellRun{r: r, spec: s, log: log}
}

// tampered is how many records of the cell lie behind the checkpoint before a test
// changes one: more than any test goes back. A busy machine may give the clients, or one
// of them, hardly a turn in a short cell.
const tampered = 8

// What Verify must find: a log that lost, changed or gained a record.
func TestVerifyCatches(t *testing.T) {
	for _, c := range []struct {
		name, want string
		policy     groupcommit.Policy
		tamper     func(*testing.T, *cellRun)
	}{
		{"nothing wrong", "", groupcommit.Policy1, func(*testing.T, *cellRun) {}},
		{"nothing wrong, policy 0", "", groupcommit.Policy0, func(*testing.T, *cellRun) {}},
		{"an acknowledged commit missing", "was acknowledged, the log ends with", groupcommit.Policy2, func(_ *testing.T, c *cellRun) { c.out.Acked[0]++ }},
		{"a commit that nobody started", "were started", groupcommit.Policy2, func(_ *testing.T, c *cellRun) {
			c.out.Submitted[0]--
			c.out.Acked[0] = 0
		}},
		{"a group too many", "the commit groups add up to", groupcommit.Policy1, func(_ *testing.T, c *cellRun) { c.total.Grouped++ }},
		{"another body", "record that ends at LSN", groupcommit.Policy1, func(_ *testing.T, c *cellRun) { c.r.seed++ }},
		{"a flipped byte", " ", groupcommit.Policy1, flipByte},
		{"a lost last block", " ", groupcommit.Policy1, cutTail},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := spec("x", c.policy, 2)
			s.Track = false
			cell := newCellRun(t, &s, nil)
			happens(t, func(length time.Duration) bool {
				s.Duration = length
				cell = &cellRun{r: cell.r, spec: cell.spec, log: cell.log}
				if _, err := cell.measure(context.Background(), 1, 1); err != nil {
					t.Fatal(err)
				}
				v := cell.verify()
				if !v.OK {
					t.Fatalf("before anything is wrong: verify %+v", v)
				}
				return v.Records >= tampered && cell.out.Acked[0] > cell.found.LastSeq(0)
			})
			c.tamper(t, cell)
			v := cell.verify()
			if c.want == "" {
				if !v.OK || v.Error != "" || v.Records <= 0 || v.ToLSN <= v.FromLSN {
					t.Errorf("verify %+v; want all well", v)
				}
				return
			}
			if v.OK || !strings.Contains(v.Error, c.want) {
				t.Errorf("verify %+v; want an error with %q", v, c.want)
			}
		})
	}
}

// logByte opens the redo file that holds the byte so far before the end of the
// log, and returns where in the file it stands.
func logByte(t *testing.T, c *cellRun, back int64) (*os.File, int64) {
	t.Helper()
	at := int64(c.log.end) - back - int64(redo.FirstLSN)
	size := c.spec.Engine.Capacity / int64(c.spec.Engine.Files) &^ 4095
	data := size - fileHead
	at %= data * int64(c.spec.Engine.Files)
	path := filepath.Join(c.log.path, redo.FileName(int(at/data)))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // a test's file
	return f, at%data + fileHead
}

// fileHead is what stands before the records in a redo file.
const fileHead = 4 * 4096

// flipByte changes one byte in the middle of the log.
func flipByte(t *testing.T, c *cellRun) { change(t, c, 256*4, func(b byte) byte { return b ^ 1 }) }

// cutTail zeroes the head of the last record, as a lost sector would.
func cutTail(t *testing.T, c *cellRun) { change(t, c, 256, func(byte) byte { return 0 }) }

func change(t *testing.T, c *cellRun, back int64, to func(byte) byte) {
	t.Helper()
	f, off := logByte(t, c, back)
	b := make([]byte, 64)
	if _, err := f.ReadAt(b, off); err != nil {
		t.Fatal(err)
	}
	same := true
	for i := range b {
		same = same && b[i] == to(b[i])
		b[i] = to(b[i])
	}
	if same {
		t.Fatal("there is no record where the test looks")
	}
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

// A log that was tampered with ends the run, and its error says so.
func TestTamperedLogFailsTheRun(t *testing.T) {
	p := smallPlan(1)
	p.Specs, p.Limit = p.Specs[:1], 0 // a limit loop behind the cell would be lied to in its place
	var res *result.Result
	var err error
	for lied := false; !lied && err == nil; p.Specs[0].Duration *= 2 { // a slow machine needs longer to come so far
		cfg := config(t, p)
		l := &liar{}
		cfg.WrapFS = func(fs vfs.FS) vfs.FS { l.FS = &lazy{FS: fs}; return l }
		res, _, err = Run(context.Background(), cfg)
		lied = l.lied.Load()
	}
	if err == nil || !strings.Contains(err.Error(), "the log is not what was committed") {
		t.Fatalf("error %v; want one that says that the log is not what was committed", err)
	}
	if r := res.Cells[0].Rounds; res.Complete || len(r) != 1 || !r[0].Partial || r[0].Verify.OK {
		t.Errorf("complete %v, rounds %+v", res.Complete, r)
	}
}

// liar loses every record that is written after the first 64 KiB of them, and
// says that all is well.
type liar struct {
	vfs.FS
	written atomic.Int64
	lied    atomic.Bool
}

func (l *liar) Open(path string, m vfs.Method) (vfs.File, error) {
	f, err := l.FS.Open(path, m)
	if err != nil || filepath.Base(path) == engine.SideFile() {
		return f, err
	}
	return &liarFile{f, l}, nil
}

type liarFile struct {
	vfs.File
	l *liar
}

func (f *liarFile) WriteAt(p []byte, off int64) (int, error) {
	if off >= fileHead && f.l.written.Add(int64(len(p))) > 64<<10 {
		f.l.lied.Store(true)
		return len(p), nil
	}
	return f.File.WriteAt(p, off)
}

func (f *liarFile) WriteDurableAt(p []byte, off int64) (int, error) { return f.WriteAt(p, off) }
