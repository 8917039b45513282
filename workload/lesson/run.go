package lesson

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/victim"
	"flushbench/workload/workdir"
)

// Config says which lessons are told, and where.
type Config struct {
	Lessons []Lesson
	Base    string // the folder whose disk is measured; "": the current one
	// MaxWriteBytes bounds what all of them may write: a lesson that might write more
	// than is left is not told. 0: no limit.
	MaxWriteBytes      int64
	AllowVolatile      bool
	BesideLiveDatabase bool
	// Root: lab.Enter has been called, and os and power crashes can be made.
	Root   bool
	Launch victim.Launch // see Env
	Seed   uint64        // 0: a random one
	Scale  float64       // see Env; 0: 1

	ResultsDir  string // the result's folder is made in it; "": results
	Name        string // last part of that folder's name; "": lesson
	ToolVersion string
	CommandLine []string
	Progress    Progress // nil: nobody listens
}

// Progress is told how the lessons go. Its methods are called by one goroutine.
type Progress interface {
	// Planned says beforehand what they write at the most and about how long they take.
	Planned(bytes int64, length time.Duration)
	// Begin says that lesson i of n, from 0, begins, with what is left of the time.
	Begin(i, n int, l *Lesson, left time.Duration)
	// Say is a line of the lesson under way.
	Say(text string)
	// Told is called with each lesson that was told to its end.
	Told(l *result.Lesson)
	// Note is something that the user must know.
	Note(text string)
}

// Run tells the lessons one after the other and keeps what they found in a result
// folder, after each of them. The result is also returned beside an error, as far as
// it came; its folder is "" when none was made. One lesson that fails does not end the
// others: the error comes at the end. The error wraps context.Canceled when they were
// interrupted, and is a *workdir.Refusal when they never began.
func Run(ctx context.Context, cfg Config) (res *result.Result, folder string, err error) {
	if len(cfg.Lessons) == 0 {
		return nil, "", errors.New("lesson: none to tell")
	}
	if cfg.Progress == nil {
		cfg.Progress = silent{}
	}
	if cfg.Seed == 0 {
		cfg.Seed = 1 + rand.Uint64N(1<<53)
	}
	t := &telling{cfg: cfg}
	need := t.plan()
	t.dir, err = workdir.Acquire(ctx, workdir.Options{
		Base: cfg.Base, Name: "lesson", NeedBytes: need, MaxWriteBytes: cfg.MaxWriteBytes,
		AllowVolatile: cfg.AllowVolatile, BesideLiveDatabase: cfg.BesideLiveDatabase, Clean: clean,
	})
	if err != nil {
		return nil, "", err
	}
	err = t.run(ctx)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // whatever it was that the interruption broke off
	}
	err = errors.Join(err, t.dir.Release())
	for _, n := range t.dir.Notes() {
		cfg.Progress.Note(n)
	}
	if t.folder == "" {
		return nil, "", err
	}
	return t.res, t.folder, errors.Join(err, t.finish(ctx, err))
}

// telling is the state of Run.
type telling struct {
	cfg    Config
	dir    *workdir.Dir
	res    *result.Result
	folder string
	saver  result.Saver
	length time.Duration // that is left
	bytes  int64         // that all of them write at the most
}

// plan adds up what the lessons write and how long they take. It returns the most that
// one of them holds on disk.
func (t *telling) plan() (need int64) {
	for i := range t.cfg.Lessons {
		l := &t.cfg.Lessons[i]
		t.length += l.Takes
		t.bytes += l.Bytes
		need = max(need, cmp.Or(l.Disk, l.Bytes))
	}
	if limit := t.cfg.MaxWriteBytes; limit > 0 {
		t.bytes, need = min(t.bytes, limit), min(need, limit)
	}
	return need
}

func (t *telling) run(ctx context.Context) error {
	t.res = &result.Result{
		Schema: result.Version, Kind: result.KindLesson, Name: cmp.Or(t.cfg.Name, "lesson"), ToolVersion: t.cfg.ToolVersion, CommandLine: t.cfg.CommandLine,
		Seed: t.cfg.Seed, Started: time.Now().UTC(), Environment: t.dir.Facts.Env, Cells: []result.Cell{}, BytesPlanned: t.bytes,
	}
	if err := t.res.SetScenario(struct {
		Lessons []string `json:"lessons"`
	}{namesOf(t.cfg.Lessons)}); err != nil {
		return err
	}
	folder, err := t.saver.CreateFolder(cmp.Or(t.cfg.ResultsDir, "results"), t.res)
	if err != nil {
		return err
	}
	t.folder = folder
	if err := t.save(); err != nil {
		return err
	}
	t.cfg.Progress.Planned(t.bytes, t.length)
	var failed error
	for i := range t.cfg.Lessons {
		l := &t.cfg.Lessons[i]
		t.cfg.Progress.Begin(i, len(t.cfg.Lessons), l, t.length)
		t.length -= l.Takes
		out, err := t.tell(ctx, l)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			t.cfg.Progress.Note(err.Error())
			failed = errors.Join(failed, err)
			continue
		}
		t.res.Lessons = append(t.res.Lessons, *out)
		if err := t.save(); err != nil {
			return err
		}
		t.cfg.Progress.Told(out)
	}
	return failed
}

// tell tells one lesson in a folder of its own.
func (t *telling) tell(ctx context.Context, l *Lesson) (out *result.Lesson, err error) {
	env := &Env{Root: t.cfg.Root, Launch: t.cfg.Launch, FSType: t.res.Environment.Filesystem, Seed: t.cfg.Seed, Scale: t.cfg.Scale}
	env.Say = func(format string, args ...any) { t.cfg.Progress.Say(fmt.Sprintf(format, args...)) }
	if err := t.dir.Budget.Spend(l.Bytes); err != nil {
		out := env.Story().NotTestable("", fmt.Sprintf("it may write %d bytes, and --max-write-bytes leaves %d", l.Bytes, t.dir.Budget.Left()))
		l.complete(out, time.Now())
		return out, nil
	}
	t.res.BytesWritten = t.dir.Budget.Spent()
	dir, err := t.dir.Tree(l.Name)
	if err != nil {
		return nil, err
	}
	env.Dir = dir
	out, err = Tell(ctx, l, env)
	return out, errors.Join(err, sweep(dir))
}

// sweep empties a lesson's folder, so that the next one has the room.
func sweep(dir string) error {
	if _, err := clean(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("lesson: %w", err)
	}
	for _, e := range entries {
		if err := removeFolder(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// clean takes away what lessons leave in a folder of theirs that is no file: the
// mounts and loop devices of the disks below it.
func clean(dir string) (removed []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("lesson: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		gone, err := lab.Cleanup(filepath.Join(dir, e.Name()))
		removed = append(removed, gone...)
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func (t *telling) save() error {
	c := t.saver.Counts()
	c.Fsync += result.SaveCounts
	t.res.FlushSyscalls.Result = c
	return t.saver.Save(t.folder, t.res)
}

// finish completes the result.
func (t *telling) finish(ctx context.Context, failed error) error {
	t.res.End(ctx.Err() != nil, failed)
	return t.save()
}

func namesOf(lessons []Lesson) []string {
	names := make([]string, len(lessons))
	for i := range lessons {
		names[i] = lessons[i].Name
	}
	return names
}

// silent is a Progress that nobody sees.
type silent struct{}

func (silent) Planned(int64, time.Duration)           {}
func (silent) Begin(int, int, *Lesson, time.Duration) {}
func (silent) Say(string)                             {}
func (silent) Told(*result.Lesson)                    {}
func (silent) Note(string)                            {}
