package writeback

import (
	"fmt"
	"time"

	"flushbench/engine/vfs"
)

// Range is how old the oldest byte may be when something happens to it.
type Range struct {
	Lo, Hi time.Duration
	Never  bool // nothing that is known brings it about
}

// plus is the range of r and then x.
func (r Range) plus(x Range) Range {
	return Range{Lo: r.Lo + x.Lo, Hi: r.Hi + x.Hi, Never: r.Never || x.Never}
}

// Holds reports whether an age lies in the range, give or take slack.
func (r Range) Holds(age, slack time.Duration) bool {
	return !r.Never && age >= r.Lo-slack && age <= r.Hi+slack
}

// Load is what is written without a flush.
type Load struct {
	Growth    vfs.Growth
	BytesPerS float64 // of all files on the machine together; 0: little
}

// Prediction is how old the oldest byte may become before each of the three moments,
// see the package comment, when nothing else on the machine flushes.
type Prediction struct {
	WrittenBack Range
	Reachable   Range
	Flushed     Range
	// Partly is WrittenBack of a block that a commit of the journal found partly
	// filled, where the journal writes new blocks only; nil: as for the rest.
	Partly *Range
	By     string   // the settings that decide WrittenBack
	Why    []string // a sentence for each setting that matters, and for some that do not
}

// Predict says what follows from the settings for files that get such a load.
func Predict(s Settings, l Load) Prediction {
	p := Prediction{By: "dirty_expire + dirty_writeback", WrittenBack: Range{Lo: s.Expire, Hi: s.Expire + s.Interval, Never: s.Interval == 0}}
	say := func(format string, args ...any) { p.Why = append(p.Why, fmt.Sprintf(format, args...)) }
	if s.Interval == 0 {
		say("dirty_writeback_centisecs is 0: the kernel never looks for old pages.")
	} else {
		say("The kernel looks every %v (dirty_writeback_centisecs) for files dirty for %v (dirty_expire_centisecs).", s.Interval, s.Expire)
	}
	if fill := s.filled(l); fill > 0 && (p.WrittenBack.Never || fill < p.WrittenBack.Hi) {
		p.By = "dirty_background"
		p.WrittenBack = Range{Lo: min(fill, s.Expire), Hi: fill + s.Interval}
		say("At this rate %d MiB are dirty after %v: then it writes at once (dirty_background_bytes or _ratio).", s.Background>>20, fill.Round(100*time.Millisecond))
	}
	if every, why := s.journalWrites(l.Growth); every > 0 && (p.WrittenBack.Never || every < p.WrittenBack.Hi) {
		if !s.Data {
			p.Partly = &Range{Hi: p.WrittenBack.Hi, Never: p.WrittenBack.Never}
			say("A block that was partly filled then is not new to the next commit: its rest waits for the kernel.")
		}
		p.By, p.WrittenBack = "journal commit", Range{Hi: every}
		say("%s", why)
	}
	p.Reachable, p.Flushed = p.WrittenBack, p.WrittenBack
	if p.By == "journal commit" { // the commit that wrote them is what leads to them, and flushes
		p.Flushed.Never = p.Flushed.Never || s.NoFlush
		return p
	}
	after := s.after()
	if l.Growth != vfs.GrowZero {
		p.Reachable = p.WrittenBack.plus(after)
	}
	p.Flushed = p.WrittenBack.plus(after)
	switch {
	case !s.Journal:
		p.Flushed.Never = true
		say("Without a journal nobody flushes the device, and what leads to new blocks waits for the kernel once more.")
	case s.NoFlush:
		p.Flushed.Never = true
		say("The journal is not flushed (nobarrier).")
	default:
		say("Every %v the journal commits and flushes the device.", s.Commit)
	}
	return p
}

// filled is after how long a load reaches the background threshold; 0: never.
func (s Settings) filled(l Load) time.Duration {
	if s.Background <= 0 || l.BytesPerS <= 0 {
		return 0
	}
	return time.Duration(float64(s.Background) / l.BytesPerS * float64(time.Second))
}

// journalWrites is how often a commit of the journal writes the data back; 0: it does
// not.
func (s Settings) journalWrites(g vfs.Growth) (every time.Duration, why string) {
	switch {
	case !s.Journal || s.Commit <= 0:
	case s.Data:
		return s.Commit, fmt.Sprintf("data=journal: the data are in each commit of the journal, every %v.", s.Commit)
	case s.Ordered && g == vfs.GrowAppend && !s.Delayed:
		return s.Commit, fmt.Sprintf("data=ordered without delayed allocation: each commit of the journal, every %v, first writes the new blocks.", s.Commit)
	}
	return 0, ""
}

// after is how long metadata that changed at write-back wait for the journal; without
// one they wait like data.
func (s Settings) after() Range {
	if !s.Journal {
		return Range{Hi: s.Expire + s.Interval, Never: s.Interval == 0}
	}
	return Range{Hi: s.Commit}
}
