package runner

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"syscall"
	"time"

	"flushbench/engine/clock"
	"flushbench/metrics/result"
	"flushbench/workload/workdir"
)

// resume loads an unfinished result of the same plan.
func (r *run) resume() error {
	old, err := result.Load(r.cfg.Resume)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return &workdir.Refusal{Lines: []string{fmt.Sprintf("there is nothing to resume in %s: must be the folder of a result, with its %s", r.cfg.Resume, result.FileName)}}
	case errors.Is(err, result.ErrInvalid), errors.Is(err, result.ErrNewer):
		return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s cannot be resumed: %v", r.cfg.Resume, err)}}
	case err != nil:
		return err
	}
	if kind := cmp.Or(r.plan.Kind, result.KindRun); old.Kind != kind {
		return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s is no %s but a %s: there is nothing to resume", r.cfg.Resume, kind, old.Kind)}}
	}
	if old.Complete {
		return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s is complete: there is nothing to resume", r.cfg.Resume)}}
	}
	if old.Environment.Host != r.dir.Facts.Env.Host || old.Environment.Device.Name != r.dir.Facts.Env.Device.Name {
		return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s was measured on %s, device %s; this is %s, device %s: rounds of two disks do not mix",
			r.cfg.Resume, old.Environment.Host, old.Environment.Device.Name, r.dir.Facts.Env.Host, r.dir.Facts.Env.Device.Name)}}
	}
	if moved := r.folders.sameDevices(&old.Environment); moved != "" {
		return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s cannot be completed here: %s; resume with the folders of the first run", r.cfg.Resume, moved)}}
	}
	specs, rounds := r.plan.Specs, func(string) int { return r.plan.Rounds }
	if a := r.plan.Adaptive; a != nil {
		if r.adaptive.earlier, err = a.Resume(old); err != nil {
			return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s cannot be resumed: %v", r.cfg.Resume, err)}}
		}
		var asked map[string]int
		specs, asked = r.adaptive.distinct()
		rounds = func(name string) int { return asked[name] }
	}
	if len(old.Cells) != len(specs) {
		return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s has %d cells, these flags give %d: resume with the flags of the first run (%v)",
			r.cfg.Resume, len(old.Cells), len(specs), old.CommandLine)}}
	}
	for i := range old.Cells {
		c, s := &old.Cells[i], &specs[i]
		if s.AutoRate {
			s.Rate = c.Params.Rate
		}
		if r.plan.FitTxnCPU && !s.onServer() {
			s.TxnCPU = time.Duration(c.Params.TxnCPUNS)
		}
		if c.Name != s.Name {
			return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s has the cell %s where these flags give %s: resume with the flags of the first run", r.cfg.Resume, c.Name, s.Name)}}
		}
		if !reflect.DeepEqual(c.Params, r.params(s)) {
			return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s measured the cell %s with other settings: resume with the flags of the first run (%v)", r.cfg.Resume, c.Name, old.CommandLine)}}
		}
		c.Rounds = slices.DeleteFunc(c.Rounds, func(x result.Round) bool { return x.Partial })
		c.Warnings, c.Partial = nil, finished(c) < rounds(c.Name)
	}
	if err := r.resumeLatency(old); err != nil {
		return err
	}
	old.Interrupted, old.Error = false, ""
	r.seed, r.plan.Seed = old.Seed, old.Seed
	r.res, r.folder = old, r.cfg.Resume
	r.earlier.bytes, r.earlier.result = old.BytesWritten, old.FlushSyscalls.Result
	r.started = clock.Now() - int64(time.Since(old.Started))
	return nil
}

// measured reports whether an earlier run has everything of round n, or all that it
// could have.
func (r *run) measured(n int) bool {
	if n < len(r.adaptive.earlier) {
		return true // the search has gone on from what there was
	}
	for _, i := range r.thisRound() {
		k := slices.IndexFunc(r.res.Cells[i].Rounds, func(x result.Round) bool { return x.Round == n })
		if k < 0 || r.plan.Limit > 0 && r.res.Cells[i].Rounds[k].Limit.FlushPerS == 0 {
			return false
		}
	}
	return true
}

// finished counts the rounds of a cell that ran their whole time.
func finished(c *result.Cell) int {
	n := 0
	for i := range c.Rounds {
		if !c.Rounds[i].Partial {
			n++
		}
	}
	return n
}
