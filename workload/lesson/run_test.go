package lesson

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload/workdir"
)

// made is a lesson that was made up for a test.
func made(name string, run func(context.Context, *Env) (*result.Lesson, error)) Lesson {
	return Lesson{Name: name, Title: "t", Claim: "c.", Rule: "r.", Takes: time.Second, Bytes: 1 << 20, Run: run}
}

// holding leaves a file in its folder and holds.
func holding(_ context.Context, env *Env) (*result.Lesson, error) {
	s := env.Story()
	s.Step("in %s", filepath.Base(env.Dir))
	if err := os.WriteFile(filepath.Join(env.Dir, "left"), []byte("x"), 0o644); err != nil {
		return nil, err
	}
	return s.Holds("m.", "w"), nil
}

// heard is a Progress that remembers.
type heard struct {
	silent
	order   []string
	notes   []string
	told    int
	planned int64
	onTold  func()
}

func (h *heard) Planned(bytes int64, _ time.Duration) { h.planned = bytes }
func (h *heard) Begin(_, _ int, l *Lesson, _ time.Duration) {
	h.order = append(h.order, l.Name)
}
func (h *heard) Note(text string) { h.notes = append(h.notes, text) }
func (h *heard) Told(*result.Lesson) {
	h.told++
	if h.onTold != nil {
		h.onTold()
	}
}

func configOf(t *testing.T, h *heard, lessons ...Lesson) Config {
	return Config{Lessons: lessons, Base: t.TempDir(), ResultsDir: filepath.Join(t.TempDir(), "results"), AllowVolatile: true, BesideLiveDatabase: true,
		Progress: h, ToolVersion: "v", CommandLine: []string{"flushbench", "lesson", "a"}}
}

// nothingLeft holds that of the work folder there is nothing but its lock.
func nothingLeft(t *testing.T, base string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(base, workdir.Folder, "lesson-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %q, %v", left, err)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	h := &heard{}
	cfg := configOf(t, h, made("a", holding), made("b", holding))
	res, folder, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, cfg.Base)
	saved, err := result.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*result.Result{res, saved} {
		if r.Kind != result.KindLesson || !r.Complete || r.Interrupted || r.Error != "" || len(r.Lessons) != 2 || r.Finished == nil || r.Seed == 0 || r.BytesPlanned != 2<<20 {
			t.Errorf("result %+v; want a complete one with two lessons", r)
		}
		if len(r.Lessons) == 2 && (r.Lessons[0].Name != "a" || r.Lessons[1].Name != "b" || r.Lessons[1].Outcome != result.LessonHolds || r.Lessons[0].DurationS <= 0) {
			t.Errorf("lessons %+v", r.Lessons)
		}
	}
	if !slices.Equal(h.order, []string{"a", "b"}) || h.told != 2 || h.planned != 2<<20 {
		t.Errorf("heard %+v", h)
	}
	if !strings.HasSuffix(folder, "-lesson") {
		t.Errorf("folder %s; want one that is named lesson", folder)
	}
}

// One that fails ends neither the others nor the program's good manners.
func TestRunGoesOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	h := &heard{}
	cfg := configOf(t, h, made("a", func(context.Context, *Env) (*result.Lesson, error) { return nil, broken }), made("b", holding))
	res, folder, err := Run(t.Context(), cfg)
	if !errors.Is(err, broken) || folder == "" || res.Complete || !strings.Contains(res.Error, "lesson a: broken") || len(res.Lessons) != 1 || res.Lessons[0].Name != "b" {
		t.Errorf("%+v in %q, %v; want lesson b, and the error of a", res, folder, err)
	}
	// Besides, it may say that the servers of another test use this disk.
	if !slices.Contains(h.notes, "lesson a: broken") || h.told != 1 {
		t.Errorf("heard %+v; want a note about a", h)
	}
	nothingLeft(t, cfg.Base)
}

// An interruption keeps what was told.
func TestRunInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	h := &heard{onTold: cancel}
	cfg := configOf(t, h, made("a", holding), made("b", holding))
	res, folder, err := Run(ctx, cfg)
	if !errors.Is(err, context.Canceled) || res == nil || res.Complete || !res.Interrupted || res.Error != "" {
		t.Fatalf("%+v, %v; want an interrupted result", res, err)
	}
	saved, err := result.Load(folder)
	if err != nil || len(saved.Lessons) != 1 || saved.Lessons[0].Name != "a" || !saved.Interrupted {
		t.Errorf("saved: %+v, %v; want lesson a", saved, err)
	}
	nothingLeft(t, cfg.Base)
}

// What might pass the budget is not told, and says so.
func TestRunBudget(t *testing.T) {
	t.Parallel()
	h := &heard{}
	big := made("big", holding)
	big.Bytes = 3 << 20
	cfg := configOf(t, h, made("a", holding), big, made("b", holding))
	cfg.MaxWriteBytes = 2<<20 + 1
	res, _, err := Run(t.Context(), cfg)
	if err != nil || len(res.Lessons) != 3 {
		t.Fatalf("%+v, %v", res, err)
	}
	for i, want := range []string{result.LessonHolds, result.LessonNotTestable, result.LessonHolds} {
		if l := &res.Lessons[i]; l.Outcome != want || want == result.LessonNotTestable && (!strings.Contains(l.Why, "--max-write-bytes") || l.Name != "big") {
			t.Errorf("lesson %d: %+v; want %q", i, l, want)
		}
	}
	if res.BytesPlanned != cfg.MaxWriteBytes || res.BytesWritten != 2<<20 {
		t.Errorf("planned %d, counted %d bytes; want %d and %d", res.BytesPlanned, res.BytesWritten, cfg.MaxWriteBytes, 2<<20)
	}
}

// A folder in use is refused before anything is written.
func TestRunRefused(t *testing.T) {
	t.Parallel()
	cfg := configOf(t, &heard{}, made("a", holding))
	d, err := workdir.Acquire(t.Context(), workdir.Options{Base: cfg.Base, AllowVolatile: true, BesideLiveDatabase: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Release(); err != nil {
			t.Error(err)
		}
	}()
	res, folder, err := Run(t.Context(), cfg)
	var refusal *workdir.Refusal
	if !errors.As(err, &refusal) || res != nil || folder != "" {
		t.Errorf("%+v, %q, %v; want a refusal", res, folder, err)
	}
	if _, err := os.Stat(cfg.ResultsDir); !os.IsNotExist(err) {
		t.Errorf("a refused run made %s: %v", cfg.ResultsDir, err)
	}
	if _, _, err := Run(t.Context(), Config{}); err == nil {
		t.Error("no lesson was told without an error")
	}
}
