package runner

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/durability"
)

// riskCell is a paced cell of 3.3 intervals of 200 ms.
func riskCell(name string, p groupcommit.Policy, m vfs.Method, g vfs.Growth) Spec {
	s := spec(name, p, 8)
	s.Rate, s.Track, s.Section = 2000, true, result.SectionRisk
	s.Engine.Method, s.Engine.Growth, s.Engine.Capacity = m, g, 16<<20
	s.Engine.Commit.Interval = 200 * time.Millisecond
	s.Duration = s.Engine.Commit.Interval * 33 / 10
	return s
}

// oneCell measures a cell on the disk and returns its round and the slowest
// flush and write of the log.
func oneCell(t *testing.T, s Spec) (r result.Round, flush, write time.Duration) {
	t.Helper()
	cfg := diskConfig(t, Plan{Specs: []Spec{s}, Rounds: 1, Seed: 7})
	slow := &slowest{}
	cfg.WrapFS = func(fs vfs.FS) vfs.FS { slow.FS = fs; return slow }
	res, _ := mustRun(t, cfg)
	return res.Cells[0].Rounds[0], slow.flush, slow.write
}

// slowest is a file system that keeps the longest flush and write of the log.
type slowest struct {
	vfs.FS
	mu           sync.Mutex
	flush, write time.Duration // guarded by mu
}

func (s *slowest) Open(path string, m vfs.Method) (vfs.File, error) {
	f, err := s.FS.Open(path, m)
	if ok, _ := filepath.Match("redo.*", filepath.Base(path)); !ok || err != nil {
		return f, err
	}
	return &slowestFile{f, s}, nil
}

type slowestFile struct {
	vfs.File
	s *slowest
}

func (f *slowestFile) note(to *time.Duration, start int64) {
	d := time.Duration(clock.Now() - start)
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	*to = max(*to, d)
}

func (f *slowestFile) Flush() error {
	defer f.note(&f.s.flush, clock.Now())
	return f.File.Flush()
}

func (f *slowestFile) WriteAt(p []byte, off int64) (int, error) {
	defer f.note(&f.s.write, clock.Now())
	return f.File.WriteAt(p, off)
}

// What is at risk, by crash kind: nothing, or a sawtooth of about the
// interval. A peak is missed by at most the gap between two samples and
// between two commits; the bound from above is that of the timer: a commit
// that just missed a flush is safe at the end of the next one.
func TestAtRisk(t *testing.T) {
	testenv.Long(t, "measures times on a real disk")
	for _, c := range []struct {
		spec               Spec
		process, os, power bool // at risk
	}{
		{riskCell("1", groupcommit.Policy1, vfs.Fdatasync, vfs.GrowZero), false, false, false},
		{riskCell("2", groupcommit.Policy2, vfs.Fdatasync, vfs.GrowZero), false, true, true},
		{riskCell("2 direct", groupcommit.Policy2, vfs.DirectFdatasync, vfs.GrowZero), false, false, true},
		{riskCell("2 direct append", groupcommit.Policy2, vfs.DirectFdatasync, vfs.GrowAppend), false, true, true},
		{riskCell("0", groupcommit.Policy0, vfs.Fdatasync, vfs.GrowZero), true, true, true},
	} {
		t.Run(c.spec.Name, func(t *testing.T) {
			if c.spec.Engine.Method.Direct() {
				needsInPlace(t, c.spec, c.os)
			}
			attempts(t, func() error {
				r, flush, write := oneCell(t, c.spec)
				if r.AtRisk == nil {
					return errors.New("not tracked")
				}
				var errs []error
				for _, k := range []struct {
					name string
					risk result.Risk
					some bool
				}{{"process", r.AtRisk.Process, c.process}, {"os", r.AtRisk.OS, c.os}, {"power", r.AtRisk.Power, c.power}} {
					if err := checkRisk(&c.spec, &r, k.risk, k.some, flush, write); err != nil {
						errs = append(errs, fmt.Errorf("%s: %w", k.name, err))
					}
				}
				return errors.Join(errs...)
			})
		})
	}
}

// checkRisk holds what one kind may have at risk.
func checkRisk(s *Spec, r *result.Round, k result.Risk, some bool, flush, write time.Duration) error {
	if k.Samples == 0 || k.Truncated {
		return fmt.Errorf("%d samples, truncated %v", k.Samples, k.Truncated)
	}
	if !some {
		if k.CommitsMax != 0 || k.BytesMax != 0 || k.AgeNSMax != 0 {
			return fmt.Errorf("%d commits, %v: want none", k.CommitsMax, time.Duration(k.AgeNSMax))
		}
		return nil
	}
	interval, late := s.Engine.Commit.Interval, time.Duration(0)
	if r.ScheduleLagNS != nil {
		late = time.Duration(r.ScheduleLagNS.Max)
	}
	// A client that was not idle begins late by what the commit before it took
	// from its own intended start on: after a stall the rate is made up for.
	late = max(late, time.Duration(r.LatencyNS.Max))
	gap := riskGap + time.Duration(1e9/s.Rate)
	age := time.Duration(k.AgeNSMax)
	if low := interval - flush - gap - late; age < low {
		return fmt.Errorf("peak age %v: want at least %v (slowest flush %v, schedule lag %v)", age, low, flush, late)
	}
	if high := max(interval, flush) + flush + write + riskTick + riskGap + late; age > high {
		return fmt.Errorf("peak age %v: want at most %v (slowest flush %v, schedule lag %v)", age, high, flush, late)
	}
	// As many commits as the rate puts into that time, and one a client more.
	most := s.Rate*(age+late).Seconds() + float64(2*s.Clients)
	if float64(k.CommitsMax) > most || float64(k.CommitsMax) < s.Rate*(age-2*late-gap).Seconds()*0.9-float64(2*s.Clients) {
		return fmt.Errorf("%d commits at a peak age of %v and %v/s", k.CommitsMax, age, s.Rate)
	}
	return nil
}

// needsInPlace skips where an O_DIRECT overwrite survives no kernel crash.
func needsInPlace(t *testing.T, s Spec, atRisk bool) {
	t.Helper()
	c := newCellRun(t, &s, nil)
	mark := c.r.setting(&s, partRedo).Watermark(durability.OS)
	if got := mark == durability.Written; got == atRisk {
		testenv.Lack(t, fmt.Sprintf("the file system here (%s) does not overwrite in place, or lies on a loop device", c.r.res.Environment.Filesystem))
	}
}

// attempts lets a check that depends on the machine's scheduler fail five times.
func attempts(t *testing.T, check func() error) {
	t.Helper()
	testenv.Attempts(t, 6, func(int) error { return check() })
}

// In every closed loop clients = throughput x mean latency, commits = flushes
// x group, and no commit is faster than half of them under the fastest flush.
func TestClosedLoopAddsUp(t *testing.T) {
	testenv.Long(t, "measures times on a real disk")
	p := Plan{Rounds: 1, Seed: 7}
	for _, clients := range []int{1, 8, 64} {
		for _, gather := range []bool{false, true} {
			s := spec(fmt.Sprintf("1,%d,%v", clients, gather), groupcommit.Policy1, clients)
			s.Engine.Commit.Delay.Adaptive = gather
			p.Specs = append(p.Specs, s)
		}
	}
	for _, policy := range []groupcommit.Policy{groupcommit.Policy2, groupcommit.Policy0} {
		p.Specs = append(p.Specs, spec(policy.String(), policy, 8))
	}
	for i := range p.Specs {
		p.Specs[i].Duration, p.Specs[i].Warmup, p.Specs[i].Engine.Capacity = 200*time.Millisecond, 50*time.Millisecond, 16<<20
	}
	attempts(t, func() error {
		res, _ := mustRun(t, diskConfig(t, p))
		var again []Spec
		var errs []error
		for i := range res.Cells {
			c := &res.Cells[i]
			if err := addsUp(&p.Specs[i], &c.Rounds[0]); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", c.Name, err))
				s := p.Specs[i]
				s.Duration = min(2*s.Duration, 1600*time.Millisecond) // what an edge takes weighs less
				again = append(again, s)
			}
		}
		p.Specs = again
		return errors.Join(errs...)
	})
}

func addsUp(s *Spec, r *result.Round) error {
	var wrong []string
	note := func(ok bool, format string, a ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, a...))
		}
	}
	within := func(got, want, tolerance float64) bool { return got >= want-tolerance && got <= want+tolerance }
	// Each client has one commit across each edge of the interval, of which
	// the histogram holds all or nothing.
	edge := float64(r.LatencyNS.Max) / 1e9 / r.DurationS
	if l := r.LittlesLaw; l == nil {
		note(false, "no Little's law")
	} else {
		note(within(l.Error, 0, 0.02+edge), "throughput x latency is %.2f clients of %d (%.1f %% off, edges %.1f %%)", l.TPSxLatency, l.Clients, 100*l.Error, 100*edge)
	}
	if s.Engine.Commit.Policy == groupcommit.Policy1 {
		commits := float64(r.Flushes.ByReason[result.ReasonCommit]) * r.GroupSizeMean
		note(within(commits, float64(r.Commits), 0.01*float64(r.Commits)+2*float64(s.Clients)),
			"%d flushes x %.2f commits = %.0f; acknowledged %d", r.Flushes.ByReason[result.ReasonCommit], r.GroupSizeMean, commits, r.Commits)
		note(r.FlushNS != nil && r.LatencyNS.P50 != nil && *r.LatencyNS.P50 >= r.FlushNS.Min, "median latency %v below the fastest flush %v", r.LatencyNS.P50, r.FlushNS)
	}
	if wrong == nil {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}
