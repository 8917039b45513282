package crash

import (
	"flushbench/engine/clock"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// saveShare is how many times as long as a save took nobody saves again. A result
// grows with its trials, so saving each at once would take the square of their
// number.
const saveShare = 10

// pace says when the next save is due. The zero value: at once.
type pace struct{ next int64 }

// due reports whether a save is due at the time now (clock.Now).
func (p *pace) due(now int64) bool { return now >= p.next }

// saved notes a save that began and ended then.
func (p *pace) saved(began, ended int64) { p.next = ended + saveShare*(ended-began) }

// saveSoon saves a trial that was finished: at once if it is a violation, else
// when a save is due. What is not saved yet is saved by the next one, or by finish.
func (r *run) saveSoon(x *result.CrashTrial) error {
	if x.Verdict != result.VerdictViolation && !r.pace.due(clock.Now()) {
		return nil
	}
	return r.save()
}

// save writes the result as it stands.
func (r *run) save() error {
	began := clock.Now()
	stats.SummarizeCrashes(r.res)
	c := r.saver.Counts()
	c.Fsync += result.SaveCounts
	r.res.FlushSyscalls.Result = c
	err := r.saver.Save(r.folder, r.res)
	r.pace.saved(began, clock.Now())
	return err
}
