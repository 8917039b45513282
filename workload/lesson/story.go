package lesson

import (
	"fmt"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
)

// Story gathers what a lesson tells. It ends with Holds, DoesNotHold or NotTestable,
// which return it.
type Story struct {
	out result.Lesson
	env *Env
}

// Story begins the story of a lesson.
func (e *Env) Story() *Story {
	if e.began.IsZero() {
		e.began = time.Now()
	}
	return &Story{env: e, out: result.Lesson{Steps: []result.LessonStep{}}}
}

// Step adds a line with the time of now, and says it as progress.
func (s *Story) Step(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.out.Steps = append(s.out.Steps, result.LessonStep{AtNS: time.Since(s.env.began).Nanoseconds(), Text: text})
	s.env.say("%s", text)
}

// Table adds a table. Each row has as many cells as head.
func (s *Story) Table(title string, head []string, rows ...[]string) {
	s.out.Tables = append(s.out.Tables, result.LessonTable{Title: title, Head: head, Rows: rows})
}

// Figure adds a number for programs, see result.LessonFigure.
func (s *Story) Figure(name string, value float64, unit, note string) {
	s.out.Figures = append(s.out.Figures, result.LessonFigure{Name: name, Value: value, Unit: unit, Note: note})
}

// Crashed counts n crashes of a kind on a file system of that type, or on
// result.LessonMemory.
func (s *Story) Crashed(kind vfs.CrashKind, fs string, n int) {
	for i := range s.out.Crashes {
		if c := &s.out.Crashes[i]; c.Kind == kind.String() && c.Filesystem == fs {
			c.Count += n
			return
		}
	}
	s.out.Crashes = append(s.out.Crashes, result.LessonCrash{Kind: kind.String(), Filesystem: fs, Count: n})
}

// Limit says what could not be shown here, one line.
func (s *Story) Limit(format string, args ...any) {
	s.out.Limits = append(s.out.Limits, fmt.Sprintf(format, args...))
}

// Advise names the setting that would have kept what was lost.
func (s *Story) Advise(format string, args ...any) { s.out.Advice = fmt.Sprintf(format, args...) }

// Holds ends the story: what was measured agrees with the claim, and why that is so.
func (s *Story) Holds(measured, why string) *result.Lesson {
	return s.end(result.LessonHolds, measured, why)
}

// DoesNotHold ends the story: what was measured contradicts the claim, and why.
func (s *Story) DoesNotHold(measured, why string) *result.Lesson {
	return s.end(result.LessonDoesNotHold, measured, why)
}

// NotTestable ends the story: what was measured, if anything, decides nothing, because
// of why.
func (s *Story) NotTestable(measured, why string) *result.Lesson {
	return s.end(result.LessonNotTestable, measured, why)
}

func (s *Story) end(outcome, measured, why string) *result.Lesson {
	s.out.Outcome, s.out.Measured, s.out.Why = outcome, measured, why
	return &s.out
}
