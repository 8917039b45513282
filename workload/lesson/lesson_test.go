package lesson

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"flushbench/metrics/result"
)

// flaws says what is wrong with the result of any lesson.
func flaws(l *result.Lesson) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !slices.Contains(result.LessonOutcomes(), l.Outcome) {
		add("outcome %q: must be one of %q", l.Outcome, result.LessonOutcomes())
	}
	if l.Why == "" {
		add("why is empty")
	}
	if l.Outcome != result.LessonNotTestable && l.Measured == "" {
		add("%s, and nothing was measured", l.Outcome)
	}
	for i, s := range l.Steps {
		if strings.TrimSpace(s.Text) == "" || strings.Contains(s.Text, "\n") {
			add("step %d: %q: must be one line", i, s.Text)
		}
		if i > 0 && s.AtNS < l.Steps[i-1].AtNS {
			add("step %d comes before the one before it", i)
		}
	}
	names := map[string]bool{}
	for _, f := range l.Figures {
		if names[f.Name] || !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(f.Name) {
			add("figure %q: must be unique, lower case, words joined by _", f.Name)
		}
		names[f.Name] = true
	}
	for _, t := range l.Tables {
		for i, row := range t.Rows {
			if len(row) != len(t.Head) {
				add("table %q, row %d: %d cells under %d columns", t.Title, i, len(row), len(t.Head))
			}
		}
	}
	return wrong
}

// TestAll holds what every lesson says of itself.
func TestAll(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range All() {
		t.Run(l.Name, func(t *testing.T) {
			if seen[l.Name] || l.Name == "all" || !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(l.Name) {
				t.Errorf("name %q: must be unique, lower case, with hyphens", l.Name)
			}
			seen[l.Name] = true
			if n := utf8.RuneCountInString(l.Title); n == 0 || n > maxTitle || strings.HasSuffix(l.Title, ".") {
				t.Errorf("title %q: %d characters; must be 1 to %d without a full stop", l.Title, n, maxTitle)
			}
			if !strings.HasSuffix(l.Claim, ".") || !strings.HasSuffix(l.Rule, ".") {
				t.Errorf("claim %q, rule %q: must be sentences", l.Claim, l.Rule)
			}
			if l.Takes <= 0 || l.Takes > time.Minute {
				t.Errorf("it takes %v; want at most a minute", l.Takes)
			}
			if l.Bytes <= 0 {
				t.Errorf("it writes %d bytes; want a bound above 0", l.Bytes)
			}
			if l.Run == nil {
				t.Error("it cannot be told")
			}
		})
	}
}

func TestFind(t *testing.T) {
	all := Names()
	for _, c := range []struct{ names, want []string }{
		{[]string{"all"}, all},
		{[]string{all[1], all[0], all[1]}, []string{all[1], all[0]}},
		{[]string{all[2], "all"}, append([]string{all[2]}, slices.Delete(slices.Clone(all), 2, 3)...)},
	} {
		found, err := Find(c.names...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range found {
			got = append(got, l.Name)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("Find(%q) = %q; want %q", c.names, got, c.want)
		}
	}
	_, err := Find(all[0], "Lost")
	if err == nil || !strings.Contains(err.Error(), `"Lost"`) || !strings.Contains(err.Error(), strings.Join(all, ", ")) {
		t.Errorf("Find of an unknown name: %v; want it and the legal ones", err)
	}
}

// TestTell: what Tell adds, what it refuses and what it passes on.
func TestTell(t *testing.T) {
	ran := false
	l := Lesson{Name: "a", Title: "b", Claim: "c.", Rule: "d.", Needs: NeedsRoot, Run: func(_ context.Context, env *Env) (*result.Lesson, error) {
		ran = true
		s := env.Story()
		s.Step("one %d", 1)
		return s.Holds("it was seen", "so it is"), nil
	}}
	out, err := Tell(t.Context(), &l, &Env{})
	if err != nil || ran || out.Outcome != result.LessonNotTestable || !strings.Contains(out.Why, "root") || out.Name != "a" {
		t.Errorf("without root: %+v, %v, ran %v; want that it is not testable, since it needs root", out, err, ran)
	}
	out, err = Tell(t.Context(), &l, &Env{Root: true})
	if err != nil || !ran || out.Outcome != result.LessonHolds || out.Name != "a" || out.Title != "b" || out.Claim != "c." || out.Rule != "d." || out.DurationS <= 0 || out.Steps[0].Text != "one 1" {
		t.Errorf("with root: %+v, %v, ran %v", out, err, ran)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Tell(ctx, &l, &Env{Root: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v; want %v", err, context.Canceled)
	}
	broken := errors.New("broken")
	l.Run = func(context.Context, *Env) (*result.Lesson, error) { return nil, broken }
	if _, err = Tell(t.Context(), &l, &Env{Root: true}); !errors.Is(err, broken) || !strings.Contains(err.Error(), "lesson a:") {
		t.Errorf("failed: %v; want %v with the lesson's name", err, broken)
	}
}

func TestEnv(t *testing.T) {
	e := &Env{Dir: t.TempDir(), Scale: 0.1}
	if d := e.Scaled(time.Second); d != 100*time.Millisecond {
		t.Errorf("Scaled(1s) = %v", d)
	}
	for n, want := range map[int]int{1: 1, 5: 1, 11: 2, 200: 20} {
		if got := e.Count(n); got != want {
			t.Errorf("Count(%d) = %d; want %d", n, got, want)
		}
	}
	if whole := (&Env{}); whole.Scaled(time.Second) != time.Second || whole.Count(7) != 7 {
		t.Errorf("without a scale: %v, %d; want all of it", whole.Scaled(time.Second), whole.Count(7))
	}
	a, err := e.Folder("x")
	b, err2 := e.Folder("x")
	if err != nil || err2 != nil || a == b {
		t.Errorf("two folders: %q, %v; %q, %v", a, err, b, err2)
	}
	if err := removeFolder(a); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(a); !os.IsNotExist(err) {
		t.Errorf("a removed folder: %v", err)
	}
}

func TestWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -12: "-12"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q; want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0s", 1500: "1.5µs", 50 * time.Microsecond: "0.05 ms", 2340 * time.Microsecond: "2.34 ms", 12 * time.Millisecond: "12 ms", 810 * time.Millisecond: "810 ms",
		994 * time.Millisecond: "994 ms", 995 * time.Millisecond: "1 s", time.Second: "1 s", 1260 * time.Millisecond: "1.26 s", 12400 * time.Millisecond: "12 s",
	} {
		if got := seconds(d); got != want {
			t.Errorf("seconds(%d) = %q; want %q", d, got, want)
		}
	}
	for v, want := range map[float64]string{0.5: "0.5", 9.64: "9.6", 99: "99", 1234.4: "1,234"} {
		if got := rate(v); got != want {
			t.Errorf("rate(%v) = %q; want %q", v, got, want)
		}
	}
}

// TestStory: crashes of one kind and place are counted together.
func TestStory(t *testing.T) {
	s := (&Env{}).Story()
	s.Crashed(0, "ext4", 2)
	s.Crashed(1, "ext4", 1)
	s.Crashed(0, "ext4", 3)
	out := s.NotTestable("", "why")
	if len(out.Crashes) != 2 || out.Crashes[0].Count != 5 || out.Crashes[0].Kind != "process" || out.Crashes[1].Kind != "os" {
		t.Errorf("crashes %+v; want 5 of process and 1 of os", out.Crashes)
	}
	s.Figure("x", 1.5, "ns", "")
	if v, ok := out.Figure("x"); v != 1.5 || !ok {
		t.Errorf("Figure(x) = %v, %v", v, ok)
	}
	if _, ok := out.Figure("y"); ok {
		t.Error("there is a figure y")
	}
}

// maxTitle is what the list has room for beside the longest name.
const maxTitle = 50
