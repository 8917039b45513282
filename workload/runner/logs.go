package runner

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"flushbench/engine"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload/probe"
	"flushbench/workload/workdir"
)

// logDir is the log that cells with the same files share, one after the other.
type logDir struct {
	path   string // of the redo log
	pages  string // of a database; path, if nothing was asked for
	binlog string
	used   bool
	end    lsn.LSN
	db     *dbDir // nil: workload log
}

// createLogs prepares the logs that are kept for the whole run.
func (r *run) createLogs() error {
	for i := range r.plan.Specs {
		if s := &r.plan.Specs[i]; !s.fresh() && !s.onServer() {
			if _, err := r.logFor(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// logFor returns the log of a cell, made now if there is none or if the cell
// needs new files each time.
func (r *run) logFor(s *Spec) (*logDir, error) {
	key := s.logKey()
	l := r.logs[key]
	if l != nil && !(s.fresh() && l.used) {
		l.used = true
		return l, nil
	}
	if l != nil {
		if err := r.removeLog(l, s); err != nil {
			return nil, err
		}
		if l.db != nil {
			l = nil // in a folder of its own
		}
	}
	if err := r.affords(s.Engine.Capacity + logOverhead); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("log-%d", r.made)
	if l == nil {
		r.made++
		if err := r.folders.mkdir(name); err != nil {
			return nil, err
		}
		l = &logDir{path: r.folders.path(partRedo, name), pages: r.folders.path(partPages, name),
			binlog: r.folders.path(partBinlog, filepath.Join(name, binlogFolder))}
		r.logs[key] = l
	}
	l.used = true
	o := s.Engine
	o.FS, o.Dir, o.Clients = r.fs, l.path, s.Clients
	// Files are filled through the page cache whatever the method: the
	// methods share them.
	o.Method = vfs.Fdatasync
	create := engine.Create
	if s.transactional() {
		create = func(engine.Options) error { return r.createDatabase(s, l) }
	}
	if err := create(o); err != nil {
		return nil, err
	}
	r.phase(&r.res.FlushSyscalls.Setup)
	return l, nil
}

func (r *run) removeLog(l *logDir, s *Spec) error {
	var errs []error
	if l.db != nil {
		return r.removeDatabase(l)
	}
	for i := range s.Engine.Files {
		errs = append(errs, r.fs.Remove(filepath.Join(l.path, redo.FileName(i))))
	}
	errs = append(errs, r.fs.Remove(filepath.Join(l.path, engine.SideFile())))
	return errors.Join(errs...)
}

// countSteps returns the number of steps of the run and its length.
func (r *run) countSteps() (n int, length time.Duration) {
	if a := r.plan.Adaptive; a != nil {
		return r.plan.Rounds * (len(r.plan.Specs) + 1), a.Longest()
	}
	for i := range r.plan.Specs {
		rounds := r.plan.Rounds - len(r.res.Cells[i].Rounds)
		n += rounds
		length += time.Duration(rounds) * r.plan.Specs[i].longest()
	}
	if r.plan.Limit > 0 {
		per := len(r.limitSettings())
		n += r.plan.Rounds * per
		length += time.Duration(r.plan.Rounds*per) * (r.plan.Limit + 20*time.Millisecond)
	}
	if r.measuresBinlogLimit() {
		n += r.plan.Rounds
		length += time.Duration(r.plan.Rounds) * (r.plan.Limit + 20*time.Millisecond)
	}
	if r.plan.Calibrate > 0 {
		n++
		length += r.plan.Calibrate
	}
	if r.plan.FitTxnCPU && !r.fitted() {
		n += 2
		length += 2 * fitTxnCPU
	}
	return n, length + time.Second
}

// limitSetting is one kind of limit loop: cells of the same method, record
// size and files are compared with the same one.
type limitSetting struct {
	method vfs.Method
	bytes  int
	spec   *Spec
}

func (s *Spec) limitKey() string {
	return fmt.Sprintf("%v-%d-%s", s.limitMethod(), int(s.Sizes.Mean()), s.logKey())
}

// limitMethod is the flush method of the cell's limit: for a method that
// flushes nothing, the plain one.
func (s *Spec) limitMethod() vfs.Method {
	if !s.Engine.Method.Durable() {
		return vfs.Fdatasync
	}
	return s.Engine.Method
}

// limitSettings lists the distinct limit loops of the plan, in order.
func (r *run) limitSettings() []limitSetting {
	var all []limitSetting
	seen := map[string]bool{}
	for i := range r.plan.Specs {
		s := &r.plan.Specs[i]
		if key := s.limitKey(); !seen[key] {
			seen[key] = true
			all = append(all, limitSetting{s.limitMethod(), int(s.Sizes.Mean()), s})
		}
	}
	return all
}

// limits runs every limit loop of the plan once.
func (r *run) limits(ctx context.Context, n int) (map[string]result.RoundLimit, error) {
	out := map[string]result.RoundLimit{}
	if r.plan.Limit == 0 {
		return out, nil
	}
	for i, set := range r.limitSettings() {
		r.progress(fmt.Sprintf("round %d of %d: limit of the disk, %v", n, r.plan.Rounds, set.method), result.PhaseLimit, r.plan.Limit)
		r.cfg.Board.of(nil, n)
		res, err := r.limitLoop(ctx, set)
		if errors.Is(err, workdir.ErrBudget) {
			continue // no limit to compare with
		}
		if err != nil {
			return nil, err
		}
		r.phase(&r.res.FlushSyscalls.Limit)
		round := limitRound(n, res)
		out[set.spec.limitKey()] = result.RoundLimit{FlushPerS: res.Rate, FlushNSP50: res.FlushP50, BusyShare: &round.BusyShare}
		if i > 0 {
			continue
		}
		if r.res.Limit == nil {
			r.res.Limit = &result.LimitSummary{FlushMethod: set.method.String(), RecordBytes: int64(set.bytes), AddedFlushNS: int64(r.plan.Floor)}
		}
		if !hasRound(r.res.Limit.Rounds, n) {
			r.res.Limit.Rounds = append(r.res.Limit.Rounds, round)
		}
	}
	return out, nil
}

func hasRound(rounds []result.LimitRound, n int) bool {
	for _, r := range rounds {
		if r.Round == n {
			return true
		}
	}
	return false
}

func limitRound(n int, l probe.LimitResult) result.LimitRound {
	round := result.LimitRound{Round: n, FlushPerS: l.Rate, DurationS: l.Elapsed.Seconds(), BusyShare: l.FlushShare, Partial: l.Partial}
	if l.Flush.Count() > 0 {
		round.FlushNS = result.LatencyOf(l.Flush.Summary())
		round.Histogram = encode(l.Flush)
	}
	return round
}

// limitLoop overwrites the log's own blocks where nothing is needed any more;
// a log that grows has none, so it gets a zero-filled file beside it.
func (r *run) limitLoop(ctx context.Context, set limitSetting) (probe.LimitResult, error) {
	path, from, to, err := r.limitFile(set.spec)
	if err != nil {
		return probe.LimitResult{}, err
	}
	return r.loopOn(ctx, set, path, from, to)
}

// loopOn runs a limit loop on a range of a file.
func (r *run) loopOn(ctx context.Context, set limitSetting, path string, from, to int64) (probe.LimitResult, error) {
	cfg := probe.LimitConfig{FS: r.fs, Method: set.method, RecordBytes: set.bytes, Duration: r.plan.Limit}
	if r.cfg.MaxWriteBytes > 0 {
		if err := r.affords(set.spec.turnBytes()); err != nil {
			return probe.LimitResult{}, err
		}
		cfg.MaxBytes = r.room()
	}
	cfg.Paths, cfg.From, cfg.To = []string{path}, from, to
	res, err := probe.Limit(ctx, cfg)
	if err == nil && res.Partial {
		err = fmt.Errorf("runner: limit of the disk: %w", workdir.ErrBudget)
	}
	return res, err
}

func (r *run) limitFile(s *Spec) (path string, from, to int64, err error) {
	if l := r.logs[s.logKey()]; l != nil && !s.fresh() {
		end := l.end
		if end == 0 {
			end = redo.FirstLSN
		}
		if path, from, to, err := redo.FreeFile(r.fs, l.path, end); err == nil {
			return path, from, to, nil
		}
	}
	path = filepath.Join(r.dir.Path(), "limit.0")
	if size, _, err := r.fs.Stat(path); err == nil {
		return path, 0, size, nil
	}
	size := r.plan.limitSize()
	return path, 0, size, r.makeLimitFile(path, size)
}

// makeLimitFile makes a zero-filled file for a limit loop.
func (r *run) makeLimitFile(path string, size int64) error {
	if err := r.affords(size); err != nil {
		return err
	}
	f, err := r.fs.Create(path, vfs.Fdatasync)
	if err != nil {
		return err
	}
	err = errors.Join(vfs.Grow(f, vfs.GrowZero, size), f.Close(), r.fs.SyncDir(filepath.Dir(path)))
	r.phase(&r.res.FlushSyscalls.Setup)
	return err
}

// setLimit gives a cell's round the limit of the same round.
func (r *run) setLimit(i, n int, limits map[string]result.RoundLimit) {
	l, ok := limits[r.plan.Specs[i].limitKey()]
	if !ok {
		return
	}
	rounds := r.res.Cells[i].Rounds
	for k := range rounds {
		if rounds[k].Round == n {
			rounds[k].Limit = l
		}
	}
}
