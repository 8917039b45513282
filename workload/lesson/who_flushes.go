package lesson

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload/crash/lab"
	"flushbench/workload/writeback"
)

// whoFlushes is the lesson who-flushes.
func whoFlushes() Lesson {
	return Lesson{
		Name:     "who-flushes",
		Title:    "How long the kernel keeps back what nobody flushes",
		Claim:    "Left to the system (policy 2 without its timer, sync_binlog=0), what is written reaches the disk within a second or so.",
		Rule:     "It holds if no file's oldest byte was held back for longer than twice that; a crash must not have taken older ones.",
		WithRoot: "crashes of ext4 and XFS, and files on each of them",
		Takes:    56 * time.Second,
		Bytes:    3 << 30,
		Disk:     2 << 30,
		Run: func(ctx context.Context, env *Env) (*result.Lesson, error) {
			return tellWhoFlushes(ctx, env, heldPlaces(env))
		},
	}
}

// heldLife is how long the files are written: longer than the kernel's usual 30 s and
// 5 s, and the 4.5 s over which they begin. heldEarly is when a disk crashes before the kernel is due.
const (
	heldLife  = 41 * time.Second
	heldEarly = 28 * time.Second
)

// heldPlaces are the disks of the lesson: the folder that is measured, and as root
// some that crash.
func heldPlaces(env *Env) []*place {
	life, n := env.Scaled(heldLife), env.Count(10)
	both := func(n int) map[vfs.Growth]int { return map[vfs.Growth]int{vfs.GrowZero: n, vfs.GrowAppend: n} }
	appended := map[vfs.Growth]int{vfs.GrowAppend: n}
	second, few := env.Scaled(time.Second), env.Count(4)
	os, power := vfs.CrashOS, vfs.CrashPower
	var places []*place
	for _, p := range []*place{
		{name: "ext4", kind: os, fs: lab.Ext4, files: both(n), life: life, engine: true},
		{name: "ext4", kind: os, fs: lab.Ext4, files: both(few), life: env.Scaled(heldEarly), engine: true},
		{name: "ext4", kind: power, fs: lab.Ext4, files: both(few), life: life},
		{name: "ext4, no journal", kind: os, fs: lab.Ext4, mkfs: []string{"-O", "^has_journal"}, files: both(few), life: life},
		{name: "ext4, nodelalloc", kind: os, fs: lab.Ext4, mount: []string{"nodelalloc"}, files: appended, life: life},
		{name: "xfs", kind: os, fs: lab.XFS, files: both(n), life: life, engine: true},
		{name: "xfs", kind: power, fs: lab.XFS, files: both(few), life: life},
		{name: "ext4", kind: os, fs: lab.Ext4, files: both(1), life: life, timer: second, engine: true},
	} {
		if env.CanCrash(p.kind, p.fs) == nil {
			places = append(places, p)
		}
	}
	here := "this folder (" + env.FSType + ")"
	return append(places, &place{name: here, here: true, files: both(n), life: life}, &place{name: here, here: true, files: both(1), life: life, timer: second})
}

// heldStory is a telling of who-flushes.
type heldStory struct {
	*Story
	places []*place
	second time.Duration // of the claim
}

func tellWhoFlushes(ctx context.Context, env *Env, places []*place) (out *result.Lesson, err error) {
	h := &heldStory{Story: env.Story(), places: places, second: env.Scaled(time.Second)}
	defer func() {
		for _, p := range h.places {
			err = errors.Join(err, p.close())
		}
	}()
	switch err := h.make(ctx); {
	case errors.Is(err, writeback.ErrUnsupported):
		return h.NotTestable("", "this kernel or file system does not tell what it has written back (cachestat, Linux 6.5)"), nil
	case err != nil:
		return nil, err
	}
	if why := env.CanCrash(vfs.CrashOS, lab.Ext4); why != nil {
		h.Limit("Nothing was crashed, and only this folder's file system was looked at: crashes are made as root (%s).", reason(why))
	}
	if err := h.watch(ctx); err != nil {
		return nil, err
	}
	h.tables()
	return h.judged(), nil
}

// make makes all disks and files.
func (h *heldStory) make(ctx context.Context) error {
	files, disks := 0, 0
	for _, p := range h.places {
		h.env.say("making files on %s", p.name)
		if err := p.make(ctx, h.env); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		files += len(p.logs)
		if !p.here {
			disks++
		}
	}
	h.Step("%d files like logs, half of them zero-filled and overwritten, half growing: in this folder and on %d file systems of our own. Each gets a record of %d bytes every %s. Nobody flushes them, but for a few with a timer of %s.",
		files, disks, writeback.RecordBytes, seconds(heldEvery), seconds(h.second))
	return nil
}

// watch lets the files be written and crashes the disks when their time has come.
func (h *heldStory) watch(ctx context.Context) error {
	began := time.Now()
	for _, p := range h.places {
		p.start(ctx)
	}
	byLife := slices.Clone(h.places)
	slices.SortStableFunc(byLife, func(a, b *place) int { return int(a.life - b.life) })
	last := time.Duration(-1)
	for _, p := range byLife {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-p.ended: // it ends by itself only when something is wrong
			p.ended <- err
			return fmt.Errorf("%s: %w", p.name, err)
		case <-time.After(time.Until(began.Add(p.life))):
		}
		if p.life != last {
			h.Step("After %s: %s.", seconds(time.Since(began)), h.heldNow(p.life))
			last = p.life
		}
		if err := p.crash(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if !p.here {
			h.Crashed(p.kind, p.fs.String(), 1)
		}
	}
	for _, p := range h.places {
		if c := p.commits; c != nil {
			h.engineStep(p, c)
		}
	}
	h.notFlushed()
	return nil
}

// notFlushed names the crash that took most of what the page cache had given away.
func (h *heldStory) notFlushed() {
	var worst *heldLog
	var of *place
	for _, p := range h.places {
		for _, l := range p.logs {
			if by := l.lost - l.held; by > h.second && (worst == nil || by > worst.lost-worst.held) {
				worst, of = l, p
			}
		}
	}
	if worst == nil {
		return
	}
	what := "what leads to the bytes (the file's size) waited for the journal"
	if of.kind == vfs.CrashPower {
		what = "the device had not flushed its cache"
	}
	h.Step("Written back is not safe: on %s (%v) the page cache still held %s, and the %s took %s: %s.", of.name, worst.growth, seconds(worst.held), crashWords(of.kind, false), seconds(worst.lost), what)
}

// engineStep says what became of the engine's commits on a disk.
func (h *heldStory) engineStep(p *place, c *heldEngine) {
	timer := "without its timer"
	if p.timer > 0 {
		timer = "with its timer of " + seconds(p.timer)
	}
	text := fmt.Sprintf("Policy 2 %s, %s, %s after %s: %s commits acknowledged, ", timer, p.name, crashWords(p.kind, false), seconds(p.life), thousands(len(c.acked)))
	if c.lost == 0 {
		h.Step("%sall of them are there.", text)
		return
	}
	h.Step("%s%s gone, the oldest acknowledged %s before.", text, thousands(c.lost), seconds(c.oldest))
}

// heldNow says what the kernel has done by the time when places of that life end.
func (h *heldStory) heldNow(life time.Duration) string {
	for _, p := range h.places {
		if p.life == life && p.timer == 0 {
			if life < h.env.Scaled(heldLife) {
				return "by the settings the kernel owes nothing yet; " + crashWords(p.kind, false) + " on " + p.name
			}
			return "the load ends, and every disk of our own crashes"
		}
	}
	return "the load ends"
}

// partly says why some bytes outlived a commit of the journal that writes new blocks.
func (h *heldStory) partly() {
	for _, r := range h.heldRows() {
		x := writeback.Predict(r.place.settings, r.place.load(r.growth))
		if x.Partly == nil || len(r.falls) == 0 {
			continue
		}
		if most := slices.Max(r.falls); most > x.WrittenBack.Hi+heldSlack {
			h.Step("On %s each commit of the journal writes the new blocks, every %s. A block that it finds partly filled is not new to the next one: its rest was held back for up to %s.", r.place.name, seconds(x.WrittenBack.Hi), seconds(most))
		}
	}
}

// judged ends the story.
func (h *heldStory) judged() *result.Lesson {
	var oldest time.Duration // any byte that was held back without a timer
	var lost, kept time.Duration
	for _, p := range h.places {
		if p.commits != nil && p.timer > 0 {
			kept = max(kept, p.commits.oldest)
		} else if p.commits != nil {
			lost = max(lost, p.commits.oldest)
		}
		for _, l := range p.logs {
			age := l.held
			for _, f := range l.Falls() {
				age = max(age, f.Min)
			}
			if p.timer > 0 {
				kept = max(kept, age, l.lost)
				continue
			}
			oldest, lost = max(oldest, age), max(lost, l.lost)
		}
	}
	h.Figure("held_back_max", float64(oldest), "ns", "without a flush: the oldest byte that was not written back")
	h.Figure("held_back_max_timer", float64(kept), "ns", "with a timer, crashes included")
	h.Figure("lost_age_max", float64(lost), "ns", "the oldest byte that a crash took")
	h.Advise("innodb_flush_log_at_trx_commit=1 and sync_binlog=1. Policy 2 is bounded by the server's own timer (innodb_flush_log_at_timeout), sync_binlog=0 by nobody: the kernel's settings do not know your commits.")
	measured := fmt.Sprintf("The oldest byte that nobody flushed was held back for %s", seconds(oldest))
	if lost > 0 {
		measured += fmt.Sprintf(", and the oldest that a crash took was %s old", seconds(lost))
	}
	measured += fmt.Sprintf("; with a timer of %s %s.", seconds(h.second), seconds(kept))
	if max(oldest, lost) <= 2*h.second {
		return h.Holds(measured, "something here writes back sooner than the kernel's settings ask for.")
	}
	return h.DoesNotHold(measured, "the second is the server's timer, not the system's: "+h.whose()+".")
}

// whose says which setting decides on the first disk.
func (h *heldStory) whose() string {
	p := h.places[0]
	s := p.settings
	x := writeback.Predict(s, p.load(vfs.GrowZero))
	if x.WrittenBack.Never {
		return "this kernel never looks for old pages (vm.dirty_writeback_centisecs is 0)"
	}
	return fmt.Sprintf("the kernel looks every %s for what is %s old (vm.dirty_writeback_centisecs, vm.dirty_expire_centisecs), and what it has written back is not flushed", seconds(s.Interval), seconds(s.Expire))
}
