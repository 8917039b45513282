package verdict

import (
	"fmt"
	"strings"

	"flushbench/metrics/result"
)

// LessonVerdict is what became of a lesson's claim, in a sentence: "Does not hold:
// why."
func LessonVerdict(l *result.Lesson) string {
	text := l.Outcome
	if text == "" {
		text = "not judged"
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	why := strings.TrimSuffix(strings.TrimSpace(l.Why), ".")
	if why != "" {
		text += ": " + why
	}
	return text + "."
}

// lessonClaims are the claims of the lessons in the results, each once, in the order
// in which they are met. Where several results tell one lesson the strongest outcome
// counts, as for the folklore.
func lessonClaims(results []*result.Result) []Claim {
	var out []Claim
	at := map[string]int{}
	for _, r := range results {
		for i := range r.Lessons {
			c := lessonClaim(&r.Lessons[i])
			k, ok := at[c.Code]
			switch {
			case !ok:
				at[c.Code] = len(out)
				out = append(out, c)
			case strength(c.Outcome) > strength(out[k].Outcome):
				out[k] = c
			}
		}
	}
	return out
}

// lessonClaim is a lesson as a claim. One that could not be decided is Measured if it
// has figures.
func lessonClaim(l *result.Lesson) Claim {
	c := Claim{Code: lessonCode + l.Name, Says: strings.TrimSuffix(l.Claim, "."), Rule: l.Rule, Outcome: NotMeasured}
	switch {
	case l.Outcome == result.LessonHolds:
		c.Outcome = Confirmed
	case l.Outcome == result.LessonDoesNotHold:
		c.Outcome = Refuted
	case l.Measured != "":
		c.Outcome = Measured
	}
	c.Figures = strings.TrimSpace(l.Measured + " " + LessonVerdict(l))
	return c
}

// lessonCode begins the code of a claim that a lesson judges.
const lessonCode = "lesson-"

// LessonsAnswer says in a sentence what the claims of a result's lessons came to.
func LessonsAnswer(r *result.Result) string {
	var holds, not, open []string
	for i := range r.Lessons {
		switch l := &r.Lessons[i]; l.Outcome {
		case result.LessonHolds:
			holds = append(holds, l.Name)
		case result.LessonDoesNotHold:
			not = append(not, l.Name)
		default:
			open = append(open, l.Name)
		}
	}
	var parts []string
	for _, p := range []struct {
		what  string
		names []string
	}{{"holds", holds}, {"does not hold", not}, {"is not testable here", open}} {
		if len(p.names) > 0 {
			parts = append(parts, p.what+" in "+strings.Join(p.names, ", "))
		}
	}
	if len(parts) == 0 {
		return "No lesson was told to its end."
	}
	return "The claim " + strings.Join(parts, "; it ") + "."
}

// claimLessons are the lessons that measure what a claim of the folklore is decided
// by, with that claim's own rule.
var claimLessons = map[string]struct {
	lesson string
	judge  func(*result.Lesson) finding
}{
	"at-most-one-second": {"lost-commit", lostCommitSecond},
	"log-beats-pages":    {"random-or-sequential", lessonOutcome},
	"group-commit":       {"one-flush-for-many", lessonGroupCommit},
}

// judgeByLessons is what the lessons of a result say about a claim of the folklore.
func judgeByLessons(code string, r *result.Result) finding {
	by, ok := claimLessons[code]
	if !ok {
		return finding{}
	}
	for i := range r.Lessons {
		if l := &r.Lessons[i]; l.Name == by.lesson {
			if f := by.judge(l); f.figures != "" {
				f.figures = "Lesson " + l.Name + ": " + f.figures
				return f
			}
		}
	}
	return finding{}
}

// lessonOutcome takes a lesson's own outcome for the claim's.
func lessonOutcome(l *result.Lesson) finding {
	if l.Measured == "" {
		return finding{}
	}
	return finding{lessonClaim(l).Outcome, l.Measured}
}

// lessonGroupCommit holds many clients that share flushes against one client.
func lessonGroupCommit(l *result.Lesson) finding {
	one, ok := l.Figure("tps_1_clients_dedicated")
	many, ok2 := l.Figure("tps_64_clients_dedicated")
	if !ok || !ok2 || one <= 0 {
		return finding{}
	}
	f := finding{Measured, fmt.Sprintf("64 clients carry %s commits/s, one client %s: %.1f times.", Count(Significant(many, 3)), Count(Significant(one, 3)), many/one)}
	switch {
	case many >= affordable*one:
		f.outcome = Confirmed
	case many < pointless*one:
		f.outcome = Refuted
	}
	return f
}

// lostCommitSecond looks at the oldest commit that a crash took with a timer of one
// second. A few crashes may refute the claim, and never confirm it.
func lostCommitSecond(l *result.Lesson) finding {
	if interval, ok := l.Figure("flush_interval_ns"); !ok || interval != second {
		return finding{}
	}
	oldest, policy := 0.0, ""
	for _, p := range []string{"0", "2"} {
		for _, kind := range []string{"process", "os"} {
			if age, ok := l.Figure("oldest_lost_ns_policy_" + p + "_" + kind); ok && age > oldest {
				oldest, policy = age, p
			}
		}
	}
	if policy == "" {
		return finding{}
	}
	f := finding{Measured, fmt.Sprintf("the oldest commit that was lost, under policy %s, had been acknowledged %.3f s before the crash.", policy, oldest/second)}
	if oldest > second {
		f.outcome = Refuted
	}
	return f
}
