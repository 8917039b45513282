package plan

import (
	"os"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
)

// specialist is one question of testdata/cases.yaml with its answer.
type specialist struct {
	Name     string   `yaml:"name"`
	Disk     string   `yaml:"disk"`
	Ask      string   `yaml:"ask"`
	Use      string   `yaml:"use"`
	RunnerUp string   `yaml:"runner_up"`
	Exit     int      `yaml:"exit"`
	Says     []string `yaml:"says"`
	Why      string   `yaml:"why"`
	Sources  []string `yaml:"sources"`
}

func specialists(t *testing.T) []specialist {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cases []specialist
	if err := yaml.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// ask reads objectives from the text of flags.
func ask(t testing.TB, flags string) *Objectives {
	t.Helper()
	o := &Objectives{}
	words := strings.Fields(flags)
	for i := 0; i+1 < len(words); i += 2 {
		found := false
		for _, s := range o.Settings() {
			if "--"+s.Name == words[i] {
				found = true
				if err := s.Value.Set(words[i+1]); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !found {
			t.Fatalf("no objective %q", words[i])
		}
	}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	return o
}

// on is the evidence of a simulated disk.
func on(t testing.TB, name string) Evidence {
	t.Helper()
	if e, ok := evidenceOf[name]; ok {
		return e
	}
	e, err := FromResults([]*result.Result{simulated(t, name, name, name)})
	if err != nil {
		t.Fatal(err)
	}
	evidenceOf[name] = e
	return e
}

// evidenceOf keeps the evidence of each disk; the tests of this package are serial.
var evidenceOf = map[string]Evidence{}

// today is the date of every test.
var today = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// TestSpecialist asks the eight questions, whose answers and reasons were written
// down with their sources before the code.
func TestSpecialist(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	cases := specialists(t)
	if len(cases) != 8 {
		t.Fatalf("%d cases; want 8", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if len(c.Sources) == 0 || c.Why == "" {
				t.Error("no reason or no source")
			}
			p := Decide(ask(t, c.Ask), on(t, c.Disk), today)
			if p.Use != c.Use || p.RunnerUp != c.RunnerUp || (p.Verdict == No) != (c.Exit == 4) {
				t.Errorf("Decide() = %s, use %q, then %q; want use %q, then %q, exit %d", p.Verdict, p.Use, p.RunnerUp, c.Use, c.RunnerUp, c.Exit)
			}
			text := allText(p)
			for _, word := range c.Says {
				if !strings.Contains(text, word) {
					t.Errorf("the answer does not say %q", word)
				}
			}
			if t.Failed() {
				t.Logf("\n%s", text)
				for _, r := range p.Rows {
					t.Logf("%s %s %+v %+v %+v", r.Name, r.Verdict, r.Capacity, r.Latency, r.Loss)
				}
			}
			if p.Model == nil || p.Model.Quality.Median > 0.15 {
				t.Errorf("model %+v %s; want a median error of at most 15 %%", p.Model, p.ModelNote)
			} else {
				t.Logf("model: median error %.1f %%, of p99 %.1f %%, %d cells", 100*p.Model.Quality.Median, 100*p.Model.Quality.MedianP99, p.Model.Cells)
			}
		})
	}
}

// allText is everything that a plan says in words.
func allText(p *Plan) string {
	lines := append([]string{p.Use}, p.Why...)
	for _, c := range p.Change {
		lines = append(lines, c.What+": "+c.Text)
	}
	return strings.Join(append(append(lines, p.Assumed...), p.Limits...), "\n")
}
