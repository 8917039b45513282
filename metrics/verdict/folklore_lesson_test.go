package verdict

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// lessons is a result with these lessons.
func lessons(all ...result.Lesson) *result.Result {
	return &result.Result{Kind: result.KindLesson, Lessons: all}
}

func figures(pairs ...any) (all []result.LessonFigure) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, result.LessonFigure{Name: pairs[i].(string), Value: pairs[i+1].(float64)})
	}
	return all
}

func TestLessonVerdict(t *testing.T) {
	for _, c := range []struct {
		l    result.Lesson
		want string
	}{
		{result.Lesson{Outcome: result.LessonHolds, Why: "it was seen"}, "Holds: it was seen."},
		{result.Lesson{Outcome: result.LessonDoesNotHold, Why: "it was not seen. "}, "Does not hold: it was not seen."},
		{result.Lesson{Outcome: result.LessonNotTestable, Why: "it needs root."}, "Not testable here: it needs root."},
		{result.Lesson{}, "Not judged."},
	} {
		if got := LessonVerdict(&c.l); got != c.want {
			t.Errorf("LessonVerdict(%+v) = %q; want %q", c.l, got, c.want)
		}
	}
}

func TestLessonsAnswer(t *testing.T) {
	r := lessons(result.Lesson{Name: "a", Outcome: result.LessonHolds}, result.Lesson{Name: "b", Outcome: result.LessonDoesNotHold},
		result.Lesson{Name: "c", Outcome: result.LessonNotTestable}, result.Lesson{Name: "d", Outcome: result.LessonDoesNotHold})
	if got, want := LessonsAnswer(r), "The claim holds in a; it does not hold in b, d; it is not testable here in c."; got != want {
		t.Errorf("LessonsAnswer = %q; want %q", got, want)
	}
	if got, want := LessonsAnswer(lessons()), "No lesson was told to its end."; got != want {
		t.Errorf("LessonsAnswer of none = %q; want %q", got, want)
	}
}

// TestLessonClaims: each lesson is a claim of its own behind the folklore; of one that
// was told twice the strongest outcome counts.
func TestLessonClaims(t *testing.T) {
	usual := len(Claims())
	told := func(outcome, measured string) result.Lesson {
		return result.Lesson{Name: "x", Claim: "A is b.", Rule: "R.", Outcome: outcome, Measured: measured, Why: "w"}
	}
	for _, c := range []struct {
		all  []result.Lesson
		want ClaimOutcome
	}{
		{[]result.Lesson{told(result.LessonHolds, "m.")}, Confirmed},
		{[]result.Lesson{told(result.LessonDoesNotHold, "m.")}, Refuted},
		{[]result.Lesson{told(result.LessonNotTestable, "m.")}, Measured},
		{[]result.Lesson{told(result.LessonNotTestable, "")}, NotMeasured},
		{[]result.Lesson{told(result.LessonHolds, "m."), told(result.LessonDoesNotHold, "m."), told(result.LessonHolds, "m.")}, Refuted},
		{[]result.Lesson{told(result.LessonNotTestable, ""), told(result.LessonHolds, "m.")}, Confirmed},
	} {
		var results []*result.Result
		for _, l := range c.all {
			results = append(results, lessons(l))
		}
		claims := Claims(results...)
		if len(claims) != usual+1 {
			t.Fatalf("%d claims; want %d", len(claims), usual+1)
		}
		last := claims[usual]
		if last.Code != "lesson-x" || last.Says != "A is b" || last.Rule != "R." || last.Outcome != c.want || !strings.HasSuffix(last.Figures, ": w.") {
			t.Errorf("%+v: the claim is %+v; want it %s", c.all, last, c.want)
		}
	}
}

// TestFolkloreByLessons: a lesson may decide a claim of the folklore, by that claim's
// own rule.
func TestFolkloreByLessons(t *testing.T) {
	lost := func(interval float64, pairs ...any) result.Lesson {
		return result.Lesson{Name: "lost-commit", Outcome: result.LessonDoesNotHold, Measured: "m.", Figures: append(figures("flush_interval_ns", interval), figures(pairs...)...)}
	}
	group := func(one, many float64) result.Lesson {
		return result.Lesson{Name: "one-flush-for-many", Outcome: result.LessonHolds, Figures: figures("tps_1_clients_dedicated", one, "tps_64_clients_dedicated", many)}
	}
	for _, c := range []struct {
		name string
		l    result.Lesson
		code string
		want ClaimOutcome
	}{
		{"pages: holds", result.Lesson{Name: "random-or-sequential", Outcome: result.LessonHolds, Measured: "m."}, "log-beats-pages", Confirmed},
		{"pages: does not", result.Lesson{Name: "random-or-sequential", Outcome: result.LessonDoesNotHold, Measured: "m."}, "log-beats-pages", Refuted},
		{"pages: open", result.Lesson{Name: "random-or-sequential", Outcome: result.LessonNotTestable, Measured: "m."}, "log-beats-pages", Measured},
		{"pages: nothing", result.Lesson{Name: "random-or-sequential", Outcome: result.LessonNotTestable}, "log-beats-pages", NotMeasured},
		{"group: 4 times", group(100, 400), "group-commit", Confirmed},
		{"group: 3.9 times", group(100, 390), "group-commit", Measured},
		{"group: 1.9 times", group(100, 190), "group-commit", Refuted},
		{"group: nobody", group(0, 190), "group-commit", NotMeasured},
		{"second: older", lost(1e9, "oldest_lost_ns_policy_0_process", 2e8, "oldest_lost_ns_policy_2_os", 1.001e9), "at-most-one-second", Refuted},
		{"second: not older", lost(1e9, "oldest_lost_ns_policy_0_process", 1e9), "at-most-one-second", Measured},
		{"second: policy 1 is not meant", lost(1e9, "oldest_lost_ns_policy_1_os", 2e9), "at-most-one-second", NotMeasured},
		{"second: another timer", lost(2e8, "oldest_lost_ns_policy_0_process", 2e9), "at-most-one-second", NotMeasured},
		{"another lesson", result.Lesson{Name: "torn-page", Outcome: result.LessonHolds, Measured: "m."}, "log-beats-pages", NotMeasured},
	} {
		for _, claim := range Claims(lessons(c.l)) {
			if claim.Code != c.code {
				continue
			}
			if claim.Outcome != c.want || (c.want != NotMeasured) != strings.HasPrefix(claim.Figures, "Lesson "+c.l.Name+": ") {
				t.Errorf("%s: %s, %q; want %s", c.name, claim.Outcome, claim.Figures, c.want)
			}
		}
	}
}
