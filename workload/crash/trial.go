package crash

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/crash/subject"
	"flushbench/workload/judge"
)

// victimSpare is how long a victim lives on if nobody kills it.
const victimSpare = time.Minute

// trial crashes a cell once and judges. An error beside a trial without a verdict
// means that there was none: it was interrupted, or something failed that is not
// what is tried. Beside one with a verdict it says what could not be done
// afterwards.
func (r *run) trial(ctx context.Context, c *cellRun, t Trial) (result.CrashTrial, error) {
	begin := clock.Now()
	job := &Job{
		Cell: c.Cell, Dir: c.dir, Seed: t.Seed, Rate: float64(r.rate), Limit: t.After + victimSpare,
		FaultAfter: t.FaultAfter, PointAfter: t.After, FSType: c.disk.info.FS,
	}
	if err := r.begin(ctx, c, job); err != nil {
		return result.CrashTrial{}, err
	}
	v, err := r.start(ctx, job)
	if err != nil {
		return result.CrashTrial{}, err
	}
	stuck := false
	defer func() {
		if !stuck { // else somebody may still read its ledger
			_ = v.Close() // only memory is given back
		}
	}()
	crash, err := r.crash(ctx, c, v, t)
	if err != nil {
		return result.CrashTrial{}, err
	}
	recovery := clock.Now()
	// A recovery may need room, so what filled the disk goes first.
	if err := errors.Join(c.disk.Restart(ctx), c.disk.Relieve()); err != nil {
		return result.CrashTrial{}, err
	}
	snapshot, err := r.snapshot(c)
	if err != nil {
		return result.CrashTrial{}, err
	}
	out, judged := r.judge(ctx, job, v, crash)
	if stuck = errors.Is(judged, errStuck); judged != nil && (out.Verdict == "" || ctx.Err() != nil) {
		return result.CrashTrial{}, judged
	}
	x := r.record(c.Cell, t, v, crash, &out)
	if s, ok := v.(ServerVictim); ok {
		x.Server = s.Server()
	}
	x.Filesystem = c.disk.info.FS
	x.RecoveryNS, x.TrialNS = clock.Now()-recovery, clock.Now()-begin
	c.books = out.Books // none after a violation: the next trial makes the files anew
	if x.Verdict == result.VerdictViolation && !x.Control {
		if r.cfg.Reproduce != nil {
			x.Reproduce = r.cfg.Reproduce(c.Cell, t, r.rate)
		}
		judged = errors.Join(judged, r.keep(&x, snapshot, v))
	}
	return x, errors.Join(judged, os.RemoveAll(r.spare))
}

// begin gives the trial the engine's files, new or as the last judge left them,
// on a disk that was just mounted: all of them durable, nothing of them in memory.
func (r *run) begin(ctx context.Context, c *cellRun, job *Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.disk.Relieve(); err != nil { // of a trial that could not be carried out
		return err
	}
	// One lap through the log, flushed, and nothing is left of how its files grew.
	old := c.Transactional() && c.age >= renewEvery
	if old || c.books == nil || c.Control != "" || c.Engine.Growth != vfs.GrowZero {
		if err := r.renew(ctx, c, job); err != nil {
			return err
		}
	} else {
		job.Before = c.books
	}
	c.books = nil
	c.age++
	return c.disk.Restart(ctx)
}

// renewEvery is after how many trials a database is made anew: it grows.
const renewEvery = 10

// renew makes the engine's files in a new folder.
func (r *run) renew(ctx context.Context, c *cellRun, job *Job) error {
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("crash: %w", err)
	}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		return fmt.Errorf("crash: %w", err)
	}
	c.age = 0
	return r.backend.Make(ctx, job)
}

// crash lets the load run for as long as was drawn, then strikes. The victim is
// dead when it returns, whatever it returns.
func (r *run) crash(ctx context.Context, c *cellRun, v Victim, t Trial) (crash Crash, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Kill())
		}
	}()
	due := v.Ready() + int64(t.After)
	if c.Fault == subject.ENOSPC {
		if due, err = r.fill(ctx, c, v, t); err != nil {
			return Crash{}, err
		}
	}
	if err := r.wait(ctx, v, due, c.Fault != subject.NoFault); err != nil {
		return Crash{}, err
	}
	if c.Point != subject.Anywhere {
		if err := r.waitForPoint(ctx, c.Cell, v); err != nil {
			return Crash{}, err
		}
	}
	// After a fault nobody may be acknowledged, nor where all stand still.
	if c.Fault == subject.NoFault && c.Point == subject.Anywhere {
		if err := r.waitForAcks(ctx, v, 0); err != nil {
			return Crash{}, err
		}
	}
	crash.Frozen = t.Frozen
	if t.Frozen {
		if err := r.freeze(ctx, v); err != nil {
			return Crash{}, err
		}
	}
	if c.Kind == vfs.CrashProcess {
		crash.Began = clock.Now()
		err = v.Kill()
		crash.Ended = clock.Now()
		return crash, err
	}
	// Under full load the file system goes first: flushes are cut short, and
	// what is asked for afterwards must fail.
	if crash.Began, crash.Ended, err = c.disk.Crash(); err != nil {
		return Crash{}, err
	}
	return crash, v.Kill()
}

// wait returns at the given moment. A victim that ended before it is an error,
// unless a fault that was asked for ended it.
func (r *run) wait(ctx context.Context, v Victim, until int64, fault bool) error {
	timer := time.NewTimer(time.Duration(max(until-clock.Now(), 0)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	case <-v.Ended():
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Who was kept from running meanwhile finds both: that the moment has come, and
	// that the victim had ended by then.
	ended := false
	select {
	case <-v.Ended():
		ended = true
	default:
	}
	switch text, _ := v.Failure(); {
	case ended && (!fault || text == ""):
		return fmt.Errorf("crash: the victim ended before it was crashed: %s", cmp.Or(text, "no reason given"))
	case text != "" && !fault:
		return fmt.Errorf("crash: the victim's engine failed before the crash: %s", text)
	}
	return nil
}

// enough acknowledgements make a crash worth judging: without one nothing can be
// lost, whatever is broken.
const enough = 10

// waitForAcks waits until enough was acknowledged beyond from, as a crash has to on
// a machine that is busy with something else; for a while, then no longer.
func (r *run) waitForAcks(ctx context.Context, v Victim, from int64) error {
	for until := clock.Now() + int64(r.cfg.limits.acked); ; {
		now := clock.Now() // first: who is kept from running in between does not give up
		if v.Acked()-from >= enough || now >= until {
			return nil
		}
		if err := r.wait(ctx, v, clock.Now()+int64(time.Millisecond), false); err != nil {
			return err
		}
	}
}

// waitForPoint waits until a client of the victim stands at the cell's crash point.
func (r *run) waitForPoint(ctx context.Context, c *Cell, v Victim) error {
	p, ok := v.(PointVictim)
	if !ok {
		return fmt.Errorf("crash: point %v: this victim has none", c.Point)
	}
	for until := clock.Now() + int64(r.cfg.limits.acked); ; {
		now := clock.Now() // first: who is kept from running in between does not give up
		if p.Stopped() != 0 {
			return nil
		}
		if now >= until {
			return fmt.Errorf("crash: point %v: no commit came there within %v", c.Point, r.cfg.limits.acked)
		}
		if err := r.wait(ctx, v, clock.Now()+int64(time.Millisecond), false); err != nil {
			return err
		}
	}
}

// record puts a trial into words of the result.
func (r *run) record(c *Cell, t Trial, v Victim, crash Crash, out *judge.Outcome) result.CrashTrial {
	p := c.params(float64(r.rate))
	x := result.CrashTrial{
		Cell: c.Name, Trial: t.Number, Kind: c.Kind.String(), Control: c.Control != "",
		Moment:     result.Moment{Frozen: crash.Frozen, AtNS: crash.Began - v.Ready(), EndedNS: crash.Ended - v.Ready()},
		Filesystem: c.FS, FSOptions: fsOptions(c), Workload: p.Workload, Policy: p.Policy, SyncBinlog: p.SyncBinlog, CommitProtocol: p.CommitProtocol, FlushMethod: p.FlushMethod,
		Acked: out.Acked, Recovered: out.Recovered, Lost: out.Lost, EngineAhead: out.EngineAhead, BinlogAhead: out.BinlogAhead,
		Missing: out.Missing, SafeGone: out.SafeGone, Unreadable: out.Unreadable,
		LostAgeNS: out.LostAgeNs, UnackedKept: out.UnackedPresent, AtRiskAtCrash: atRisk(c, out.Predicted), Verdict: out.Verdict, Violations: bounded(out.Violations),
		Seed: t.Seed,
	}
	x.Moment.Point = c.pointName()
	x.Differences, x.DivergedRowCount = differences(out.Differences), len(out.Rows)
	x.DivergedRows, x.Damage = firstRows(out.Rows), out.Damage
	x.Fault = c.faultOf(v, out)
	x.Stalled = c.stalled(out.QuietNs)
	return x
}

// stalled reports whether a load that had been so quiet before the crash left it nothing
// to take: what had been acknowledged the timer has flushed by then, or where commits
// flush, a checkpoint. A fault and a crash point end the load on purpose.
func (c *Cell) stalled(quietNs int64) bool {
	if c.Fault != subject.NoFault || c.Point != subject.Anywhere {
		return false
	}
	most := c.interval()
	switch {
	case c.Server != nil:
		most = c.Server.Oldest()
	case c.Policy.Flushes():
		most = groupcommit.DefaultInterval
	}
	return quietNs > int64(most)
}

// differences are the first transactions that only one log has, as the result has
// them.
func differences(all []judge.Difference) (out []result.Difference) {
	for _, d := range all[:min(len(all), result.MaxDifferences)] {
		x := result.Difference{Log: result.LogBinlog, Client: d.Client, Seq: d.Seq, Number: d.Number, Acked: d.Acked, Rows: firstRows(d.Rows)}
		if d.Engine {
			x.Log = result.LogEngine
		}
		out = append(out, x)
	}
	return out
}

// firstRows are as many of the rows as a result has room for.
func firstRows(rows []uint64) []uint64 { return rows[:min(len(rows), result.MaxDivergedRows)] }

// atRisk is a prediction as the result has it: nil when the tracker had no room
// for all that was at risk, or had not looked.
func atRisk(c *Cell, p *judge.Prediction) *result.RiskAtCrash {
	if p == nil || p.Truncated || p.SampleAgeNs < 0 {
		return nil
	}
	out := &result.RiskAtCrash{Commits: p.Commits, AgeNS: p.AgeNs, Lost: p.Lost, SampleAgeNS: p.SampleAgeNs}
	if c.Transactional() && c.Database.Binlog.Enabled {
		out.EngineAhead, out.BinlogAhead = p.EngineAhead, p.BinlogAhead
	}
	return out
}

// bounded cuts a list of violations and says how many are missing.
func bounded(lines []string) []string {
	if len(lines) <= result.MaxViolations {
		return lines
	}
	n := result.MaxViolations - 1
	return append(append([]string(nil), lines[:n]...), fmt.Sprintf("and %d more", len(lines)-n))
}

// fsOptions are the options of mkfs and mount that were asked for, in a line.
func fsOptions(c *Cell) string {
	var parts []string
	if len(c.Mkfs) > 0 {
		parts = append(parts, "mkfs "+strings.Join(c.Mkfs, " "))
	}
	if len(c.Mount) > 0 {
		parts = append(parts, "mount -o "+strings.Join(c.Mount, ","))
	}
	return strings.Join(parts, "; ")
}

// snapshot copies what the crash left before the judge recovers it; "": nobody
// would keep it.
func (r *run) snapshot(c *cellRun) (string, error) {
	if c.Control != "" || r.kept >= maxEvidence {
		return "", nil
	}
	if err := os.RemoveAll(r.spare); err != nil {
		return "", fmt.Errorf("crash: %w", err)
	}
	return r.spare, copyFolder(r.spare, c.dir)
}

// keep puts the evidence of a violation into the result's folder.
func (r *run) keep(x *result.CrashTrial, snapshot string, v Victim) error {
	if r.kept >= maxEvidence {
		return nil
	}
	r.kept++
	name := fmt.Sprintf("%02d-%s-trial-%d", r.kept, strings.NewReplacer(",", "-", "=", "-", "/", "-").Replace(x.Cell), x.Trial)
	dir := filepath.Join(r.folder, EvidenceFolder, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("crash: evidence: %w", err)
	}
	if err := copyFolder(filepath.Join(dir, "disk"), snapshot); err != nil {
		return err
	}
	if err := v.SaveLedger(filepath.Join(dir, "ledger")); err != nil {
		return fmt.Errorf("crash: evidence: %w", err)
	}
	text := strings.Join(x.Violations, "\n") + "\n"
	if x.Reproduce != "" {
		text += "\nTo run this trial again:\n" + x.Reproduce + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "violations.txt"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("crash: evidence: %w", err)
	}
	x.Evidence = filepath.Join(EvidenceFolder, name)
	return nil
}
