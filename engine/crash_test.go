package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

// scene is a scripted history on one kind of engine.
type scene struct {
	policy   groupcommit.Policy
	style    groupcommit.Style
	strategy groupcommit.Strategy
	method   vfs.Method
	growth   vfs.Growth
	tail     redo.Tail
	kind     redo.BufferKind
	files    int
	turn     bool // large records: the circle turns
	runs     bool // many small ones by turns: clients take runs of the log buffer
	subsets  int  // disks tried for each crash; 0: a few
}

func (s scene) String() string {
	parts := []string{"policy=" + s.policy.String(), "method=" + s.method.String(), "growth=" + s.growth.String(), "tail=" + s.tail.String(), "group-commit=" + s.strategy.String()}
	if s.turn {
		parts = append(parts, "turn")
	}
	if s.runs {
		parts = append(parts, "runs")
	}
	return strings.Join(parts, "/")
}

func (s scene) options() Options {
	o := smallest(nil)
	o.Method, o.Growth, o.Tail, o.BufferKind, o.Files = s.method, s.growth, s.tail, s.kind, max(1, s.files)
	o.Commit.Policy, o.Commit.Style, o.Commit.Strategy = s.policy, s.style, s.strategy
	if s.turn {
		o.CheckpointDistance = 1
	}
	if s.runs {
		o.Capacity, o.BufferSize = 1<<20, 512<<10
	}
	return o
}

func (s scene) sizes() []int {
	if s.turn {
		return []int{100, 9000, 15_000, 18_000}
	}
	return []int{0, 7, 100, 300}
}

// history is what happens: commits one by one, some that wait together, some
// in parallel, the timer, and a restart in the middle. It returns how far the
// log had been written and flushed when it ended or the disk stopped.
func (s scene) history(fs vfs.FS, led *ledger) (marks Watermarks, err error) {
	o := s.options()
	o.FS = fs
	rounds := 2
	if s.turn || s.runs {
		rounds = 4
	}
	for range 2 {
		l, err := openLife(o, led, s.sizes())
		if err != nil {
			return marks, err
		}
		err = func() error {
			for range rounds {
				if err := s.byTurns(l); err != nil {
					return err
				}
				for c := range uint32(3) {
					if err := l.commit(c); err != nil {
						return err
					}
				}
				if err := l.batch(); err != nil {
					return err
				}
				if err := l.parallel(1); err != nil {
					return err
				}
				if err := l.e.gc.FlushAll(groupcommit.ReasonTimer); err != nil {
					return err
				}
			}
			if err := l.commit(3); err != nil {
				return err
			}
			return l.e.Drain() // what policy 0 acknowledged must not be forgotten by Close
		}()
		marks = l.e.Watermarks()
		if closed := l.e.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return marks, err
		}
	}
	return marks, nil
}

// byTurns lets clients take runs of the log.
func (s scene) byTurns(l *life) error {
	if !s.runs {
		return nil
	}
	for range 100 {
		for c := range uint32(clients) {
			if err := l.commit(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// inRuns counts commits right behind one of the same client's, though others came in
// between.
func (l *ledger) inRuns(sizes []int) (n int) {
	var ends [clients]lsn.LSN
	for i, e := range l.mu.entries {
		size := redo.CommitSize(len(bodyOf(e.client, e.seq, sizes)))
		if i > 0 && l.mu.entries[i-1].client != e.client && e.end == ends[e.client]+lsn.LSN(size) {
			n++
		}
		ends[e.client] = e.end
	}
	return n
}

// promises says what a crash of a kind must leave.
func (s scene) promises(kind vfs.CrashKind, led *ledger, marks Watermarks) judge {
	j := judge{led: led, sizes: s.sizes()}
	direct := s.method.Direct() && s.growth == vfs.GrowZero
	switch {
	case kind == vfs.CrashProcess, kind == vfs.CrashOS && direct:
		j.atLeast = marks.Written
		j.acked = s.policy != groupcommit.Policy0
	case s.method.Durable():
		j.atLeast = marks.Flushed
		j.acked = s.policy.Flushes() || s.policy == groupcommit.Policy2 && s.method.WriteThrough()
	default:
		j.mayFail = true
	}
	return j
}

// run crashes the history after every event and judges what can be left.
func (s scene) run(t *testing.T, seed uint64) {
	base := created(t, s.options())
	subsets := s.subsets
	if subsets == 0 {
		subsets = few()
		if s.turn { // hardly any crash leaves few enough sectors to try all
			subsets = max(3, subsets/4)
		}
	}
	inRuns := 0
	for n := 0; ; n++ {
		disk := copyDisk(base)
		disk.CrashAfter(n)
		led := &ledger{}
		marks, err := s.history(disk, led)
		inRuns = max(inRuns, led.inRuns(s.sizes()))
		if err != nil && !errors.Is(err, vfs.ErrCrashed) {
			t.Fatalf("event %d: %v", n, err)
		}
		for _, kind := range vfs.CrashKinds.All() {
			for _, torn := range []bool{false, true} {
				s.judgeAll(t, disk, n, kind, torn, subsets, seed, s.promises(kind, led, marks))
			}
		}
		if s.tail == redo.TailPad && s.method.Durable() {
			s.judgeGarbage(t, disk, n, s.promises(vfs.CrashPower, led, marks))
		}
		if t.Failed() {
			return
		}
		if err == nil {
			break
		}
	}
	// In some of the histories the log writer has closed them all at once.
	if s.runs && inRuns < 100 {
		t.Errorf("%d commits by turns were in runs of their clients, at the most", inRuns)
	}
}

// few is how many disks are tried for a crash.
func few() int {
	switch {
	case seeds.Soaking():
		return 4096
	case yield.Enabled && testing.Short():
		return 2
	case yield.Enabled:
		return 4
	case seeds.Heavy():
		return 24
	}
	return 8
}

func (s scene) judgeAll(t *testing.T, disk *vfs.Mem, n int, kind vfs.CrashKind, torn bool, subsets int, seed uint64, j judge) {
	i := 0
	for after := range disk.Crashes(kind, torn, subsets, seed+uint64(n)) {
		rec, wrong := j.check(after)
		if wrong == "" && torn && i%16 == 0 && !j.mayFail && (n%7 == 0 || !s.turn && !testing.Short()) {
			wrong = s.recoverTwice(after, rec, kind, j)
		}
		if wrong != "" {
			t.Errorf("crash %v (torn %v) after event %d, disk %d: %s", kind, torn, n, i, wrong)
			return
		}
		i++
	}
}

// judgeGarbage leaves one sector that was being written full of garbage. Only
// a log that never touches acknowledged bytes can stand that.
func (s scene) judgeGarbage(t *testing.T, disk *vfs.Mem, n int, j judge) {
	for seed := range uint64(4) {
		after := disk.Crash(vfs.CrashPower, vfs.CrashOptions{Garbage: true, Seed: seed, Torn: true})
		if _, wrong := j.check(after); wrong != "" {
			t.Errorf("power cut after event %d with garbage in a sector (seed %d): %s", n, seed, wrong)
			return
		}
	}
}

// recoverTwice opens what a crash left: it finds the same, the second time
// too, goes on from there, and survives a crash at any moment of the opening.
func (s scene) recoverTwice(after *vfs.Mem, first Recovered, kind vfs.CrashKind, j judge) string {
	o := s.options()
	again := copyDisk(after)
	o.FS = again
	for range 2 {
		e, err := Open(o)
		if err != nil {
			return "Open after the crash: " + err.Error()
		}
		if wrong := sameState(e.Recovered(), first, "Open"); wrong != "" {
			return wrong
		}
		if err := e.Close(); err != nil {
			return err.Error()
		}
	}
	rec, wrong := j.check(again)
	if wrong == "" {
		wrong = sameState(rec, first, "after two openings")
	}
	if wrong == "" && kind != vfs.CrashProcess {
		wrong = s.crashOpen(after, first)
	}
	return wrong
}

// crashOpen crashes the opening at every event; all is durable before it.
func (s scene) crashOpen(after *vfs.Mem, first Recovered) string {
	o := s.options()
	for n := 0; ; n++ {
		disk := copyDisk(after)
		disk.CrashAfter(n)
		o.FS = disk
		e, err := Open(o)
		if err == nil {
			err = e.Close()
		} else if !errors.Is(err, vfs.ErrCrashed) {
			return fmt.Sprintf("Open, crashed after event %d: %v", n, err)
		}
		for twice := range disk.Crashes(vfs.CrashPower, true, 3, uint64(n)) {
			rec, errTwice := Recover(twice, dir, nil)
			if errTwice != nil {
				return fmt.Sprintf("Open, crashed after event %d: Recover: %v", n, errTwice)
			}
			if wrong := sameState(rec, first, fmt.Sprintf("after an Open that crashed after event %d", n)); wrong != "" {
				return wrong
			}
		}
		if err == nil {
			return ""
		}
	}
}

func sameState(got, want Recovered, when string) string {
	if got.End != want.End {
		return fmt.Sprintf("%s: the log ends at %v; want %v", when, got.End, want.End)
	}
	for c := range uint32(clients) {
		if got.LastSeq(c) != want.LastSeq(c) {
			return fmt.Sprintf("%s: client %d has sequence %d; want %d", when, c, got.LastSeq(c), want.LastSeq(c))
		}
	}
	return ""
}

// scenes are the histories of a plain run.
func scenes() []scene {
	const p0, p1, p2 = groupcommit.Policy0, groupcommit.Policy1, groupcommit.Policy2
	return []scene{
		{policy: p1, subsets: 4096},
		{policy: p1, growth: vfs.GrowAppend, files: 3},
		{policy: p1, growth: vfs.GrowFallocate, method: vfs.Fsync, strategy: groupcommit.Leader},
		{policy: p1, tail: redo.TailPad, kind: redo.Mutex},
		{policy: p1, tail: redo.TailPad, method: vfs.DirectFdatasync, strategy: groupcommit.Leader},
		{policy: p1, method: vfs.ODsync, strategy: groupcommit.Serial},
		{policy: p1, method: vfs.RWFDsync, growth: vfs.GrowAppend},
		{policy: p1, method: vfs.RWFDsync, strategy: groupcommit.Serial},
		{policy: p1, method: vfs.DirectODsync, growth: vfs.GrowFallocate},
		{policy: p1, method: vfs.None},
		{policy: p2},
		{policy: p2, method: vfs.DirectFdatasync},
		{policy: p2, method: vfs.ODsync, growth: vfs.GrowAppend},
		{policy: p2, method: vfs.RWFDsync, tail: redo.TailPad},
		{policy: p0},
		{policy: p0, style: groupcommit.Continuous, tail: redo.TailPad, kind: redo.Mutex},
		{policy: p1, turn: true, files: 4},
		{policy: p1, turn: true, method: vfs.DirectFdatasync},
		{policy: p2, turn: true, kind: redo.Mutex, files: 2},
		{policy: p0, turn: true, growth: vfs.GrowAppend},
		{policy: p0, runs: true, files: 2},
		{policy: p0, runs: true, style: groupcommit.Continuous, tail: redo.TailPad, method: vfs.DirectFdatasync},
	}
}

// moreScenes are the combinations that CI tries as well.
func moreScenes() []scene {
	var all []scene
	for _, p := range logPolicies {
		for _, m := range vfs.Methods.All() {
			for i, g := range vfs.Growths.All() {
				n := len(all)
				all = append(all, scene{policy: p, method: m, growth: g, tail: redo.Tail((n + i) % 2), kind: redo.BufferKind(n / 2 % 2), files: 1 + n%4,
					strategy: groupcommit.Strategies.All()[n%3], turn: n%4 == 3, subsets: 3})
			}
		}
	}
	return all
}

// TestCrashAnywhere crashes scripted histories after every single write, flush
// and change of metadata, in every way in which the kinds of crash can leave
// the disk: policy 1 never loses an acknowledged commit, policy 2 none when
// the process dies, what was written or flushed is there, nothing is half
// there, and recovery changes nothing, however often and wherever it is
// crashed itself.
func TestCrashAnywhere(t *testing.T) {
	seed := seeds.Base(t)
	defer yield.Shuffle(seed)()
	all := scenes()
	if yield.Enabled { // the race detector takes its time, and finds races in a few
		all = []scene{all[0], all[4], all[7], all[10], all[15]}
		all[0].subsets = 0
		if testing.Short() { // one of each strategy
			all = all[:3]
		}
	} else if seeds.Heavy() {
		// A part of the combinations, another one with each seed.
		for i, s := range moreScenes() {
			if uint64(i)%27 == seed%27 {
				all = append(all, s)
			}
		}
	}
	for _, s := range all {
		t.Run(s.String(), func(t *testing.T) { s.run(t, seed) })
	}
}

func TestCrashAnywhereSoak(t *testing.T) {
	seeds.SoakOnly(t)
	seed := seeds.Base(t)
	for round := range uint64(20) {
		for _, s := range append(scenes(), moreScenes()...) {
			s.subsets = few()
			t.Run(s.String(), func(t *testing.T) { s.run(t, seed+round*1000) })
		}
	}
}

// A ledger that demands what was never committed makes the judge complain, and
// so does one that forgets: the proof that the judge can.
func TestJudgeBites(t *testing.T) {
	s := scene{policy: groupcommit.Policy1}
	disk := copyDisk(created(t, s.options()))
	led := &ledger{}
	marks, err := s.history(disk, led)
	if err != nil {
		t.Fatal(err)
	}
	j := s.promises(vfs.CrashProcess, led, marks)
	if _, wrong := j.check(disk); wrong != "" {
		t.Fatal(wrong)
	}
	for what, spoil := range map[string]func(){
		"a commit that is not there":     func() { led.add(entry{0, 1000, lsn.Max, true}) },
		"one that ends elsewhere":        func() { led.add(entry{0, 1, lsn.Max, false}) },
		"other bodies":                   func() { j.sizes = []int{8} },
		"a log that was safe for longer": func() { j.atLeast = lsn.Max; led.add(entry{0, 1000, lsn.Max, false}) },
	} {
		before, sizes, n := j, j.sizes, len(led.mu.entries)
		spoil()
		if _, wrong := j.check(disk); wrong == "" {
			t.Errorf("the judge does not notice %s", what)
		}
		j, led.mu.entries = before, led.mu.entries[:n]
		j.sizes = sizes
	}
}
