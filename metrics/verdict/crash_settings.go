package verdict

import (
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// crashSetting is what was tried with one setting.
type crashSetting struct {
	name  string
	base  string // what name begins with: the policy, or the pair
	load  string
	when  string      // where in a commit it was crashed, and after which fault
	kinds []crashKind // in the order of their first cell
}

// crashKind sums the cells of one crash kind on one file system. What two of them
// say is never added up: crashes of one kind say nothing of another.
type crashKind struct {
	kind, fs       string
	several        bool // the kind was tried on other file systems, too
	trials         int  // proofs
	crashes        int  // all of them: what was lost was lost, whatever it proves
	lost           int64
	ageNS          int64
	engine, binlog int64
	withLoss       int
	violations     int
	unreadable     int // crashes after which the recovery failed
	diverging      diverging
}

// crashSettings sums the cells that are no controls by setting and crash kind.
func crashSettings(r *result.Result) []*crashSetting {
	var out []*crashSetting
	setting := crashSettingOf(r)
	first := map[string]string{} // by kind: a file system
	several := map[string]bool{} // by kind: there are others
	for i := range r.Cells {
		c := &r.Cells[i]
		if !tried(c) || c.Crash.Summary == nil {
			continue
		}
		if fs, ok := first[c.Crash.Kind]; ok && fs != c.Crash.Filesystem {
			several[c.Crash.Kind] = true
		}
		first[c.Crash.Kind] = c.Crash.Filesystem
		name := setting(c)
		k := slices.IndexFunc(out, func(s *crashSetting) bool { return s.name == name })
		if k < 0 {
			k = len(out)
			out = append(out, &crashSetting{name: name, base: CrashSetting(&c.Params, nil), load: c.Params.Workload, when: c.Crash.Point + " " + c.Crash.Fault})
		}
		out[k].add(c.Crash)
	}
	for _, s := range out {
		for i := range s.kinds {
			s.kinds[i].several = several[s.kinds[i].kind]
		}
	}
	return out
}

// kindOf returns what s has of a crash kind on a file system; nil: nothing.
func (s *crashSetting) kindOf(kind, fs string) *crashKind {
	for i := range s.kinds {
		if k := &s.kinds[i]; k.kind == kind && k.fs == fs {
			return k
		}
	}
	return nil
}

func (s *crashSetting) add(c *result.CrashCell) {
	x := s.kindOf(c.Kind, c.Filesystem)
	if x == nil {
		s.kinds = append(s.kinds, crashKind{kind: c.Kind, fs: c.Filesystem})
		x = &s.kinds[len(s.kinds)-1]
	}
	y := c.Summary
	proofs := y.Proofs
	if proofs+y.Idle+y.Unreadable+y.Unstruck+y.Stalled == 0 {
		proofs = y.Trials // a result from before they were counted
	}
	x.include(&crashKind{trials: proofs, crashes: y.Trials, lost: y.LostMax, ageNS: y.LostAgeMax, engine: y.EngineAheadMax, binlog: y.BinlogAheadMax,
		withLoss: y.WithLoss, violations: y.Violations, unreadable: y.Unreadable})
	x.diverging.see(y)
}

// include adds the crashes of y, and takes the more of what one crash took.
func (k *crashKind) include(y *crashKind) {
	k.trials, k.crashes, k.withLoss = k.trials+y.trials, k.crashes+y.crashes, k.withLoss+y.withLoss
	k.violations, k.unreadable = k.violations+y.violations, k.unreadable+y.unreadable
	k.lost, k.ageNS = max(k.lost, y.lost), max(k.ageNS, y.ageNS)
	k.engine, k.binlog = max(k.engine, y.engine), max(k.binlog, y.binlog)
	k.diverging.trials += y.diverging.trials
	k.diverging.lost = k.diverging.lost || y.diverging.lost
}

// What the crashes of one kind came to: one of the first four, and the last two beside
// a loss, too.
func (k *crashKind) tookNothing() bool {
	return k.trials > 0 && k.withLoss == 0 && k.violations == 0 && k.unreadable == 0 && !k.divided()
}
func (k *crashKind) took() bool    { return k.withLoss > 0 && !k.diverging.alone() }
func (k *crashKind) divided() bool { return k.diverging.alone() }
func (k *crashKind) unknown() bool {
	return k.trials == 0 && k.withLoss == 0 && k.violations == 0 && k.unreadable == 0
}
func (k *crashKind) brokenOff() bool { return k.unreadable > 0 }

// onlyBroke reports whether promises were broken in readable crashes that took nothing:
// a commit that was acknowledged after a failed flush, a row that nobody wrote.
func (k *crashKind) onlyBroke() bool { return k.violations > k.unreadable && k.withLoss == 0 }

// outcome says which of these it was, the same for what is said in one sentence.
func (k *crashKind) outcome() string {
	var b strings.Builder
	b.WriteString(k.kind + " " + k.fs)
	for _, of := range []func() bool{k.tookNothing, k.took, k.divided, k.unknown, k.brokenOff, k.onlyBroke} {
		if of() {
			b.WriteString(" yes")
		} else {
			b.WriteString(" no")
		}
	}
	if k.divided() && k.engine > 0 {
		b.WriteString(" engine")
	}
	if k.divided() && k.binlog > 0 {
		b.WriteString(" binlog")
	}
	return b.String()
}

// name is the kind with its file system, where it needs that.
func (k *crashKind) name() string {
	name := "a " + CrashName(k.kind)
	if k.several {
		name += " on " + k.fs
	}
	return name
}

// words is the most that one crash took.
func (k *crashKind) words() string {
	var parts []string
	if k.lost > 0 || k.engine+k.binlog == 0 {
		parts = append(parts, CrashLoss(k.lost, k.ageNS))
	}
	if k.engine > 0 {
		parts = append(parts, Count(float64(k.engine))+" engine ahead")
	}
	if k.binlog > 0 {
		parts = append(parts, Count(float64(k.binlog))+" binlog ahead")
	}
	return strings.Join(parts, " and ")
}
