package plan

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"flushbench/metrics/result"
)

// Kind is a kind of crash.
type Kind string

// The kinds of crash, from the mildest: each takes what the one before it takes.
const (
	Process Kind = "process"
	OS      Kind = "os"
	Power   Kind = "power"
)

// Kinds returns every kind, the mildest first.
func Kinds() []Kind { return []Kind{Process, OS, Power} }

// Words names the kind in a sentence.
func (k Kind) Words() string {
	return map[Kind]string{Process: "process crash", OS: "kernel crash", Power: "power cut"}[k]
}

// risk returns what a result says about the kind.
func (k Kind) risk(a *result.AtRisk) *result.Risk {
	switch k {
	case Process:
		return &a.Process
	case OS:
		return &a.OS
	}
	return &a.Power
}

// Loss is the most that a crash may take: nothing, a time or a number of commits.
type Loss struct {
	Age     time.Duration `json:"age_ns"`
	Commits float64       `json:"commits"` // 0: the limit is Age
}

// String shows the limit as it is written.
func (l Loss) String() string {
	switch {
	case l.Commits > 0:
		return plain(l.Commits) + " commits"
	case l.Age == 0:
		return "0"
	}
	return l.Age.String()
}

// at returns the limit as a time at a rate, in nanoseconds.
func (l Loss) at(tps float64) float64 {
	if l.Commits > 0 {
		return l.Commits / tps * 1e9
	}
	return float64(l.Age)
}

// Losses are limits by kind; a kind that is missing has none.
type Losses map[Kind]Loss

// String implements Text.
func (l *Losses) String() string {
	return join(*l, func(v Loss) string { return strings.TrimSuffix(v.String(), " commits") })
}

// Type implements Text.
func (l *Losses) Type() string { return "losses" }

// maxLossAge is the longest loss taken seriously.
const maxLossAge = 24 * time.Hour

// Set implements Text: process=0,os=1s,power=500.
func (l *Losses) Set(text string) error {
	out, err := parseKinds(text, func(v string) (Loss, error) {
		if n, err := strconv.ParseFloat(v, 64); err == nil {
			if !(n >= 0 && n <= 1e12) {
				return Loss{}, errors.New("must be 0 to 1e12 commits")
			}
			return Loss{Commits: n}, nil
		}
		if v == "none" {
			return Loss{}, nil
		}
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 || d > maxLossAge {
			return Loss{}, fmt.Errorf("must be 0, a time up to %v such as 1s, or a number of commits", maxLossAge)
		}
		return Loss{Age: d}, nil
	})
	if err == nil {
		*l = out
	}
	return err
}

// validate refuses limits that no crash can keep apart.
func (l Losses) validate() error {
	var worse []Kind
	for _, k := range Kinds() {
		limit, ok := l[k]
		if !ok {
			continue
		}
		for _, w := range worse {
			if sameUnit(l[w], limit) && (l[w].Age > limit.Age || l[w].Commits > limit.Commits) {
				return fmt.Errorf("plan: max-loss %s=%s and %s=%s contradict each other: a %s takes all that a %s does", w, l[w], k, limit, k.Words(), w.Words())
			}
		}
		worse = append(worse, k)
	}
	return nil
}

// sameUnit reports whether two limits can be compared without a rate.
func sameUnit(a, b Loss) bool {
	return a == Loss{} || b == Loss{} || (a.Commits > 0) == (b.Commits > 0)
}

// Crashes are crashes a year by kind.
type Crashes map[Kind]float64

// String implements Text.
func (c *Crashes) String() string {
	return join(*c, func(v float64) string { return plain(v) + "/y" })
}

// Type implements Text.
func (c *Crashes) Type() string { return "crashes" }

// Set implements Text: process=4/y,os=0.5/y.
func (c *Crashes) Set(text string) error {
	out, err := parseKinds(text, func(v string) (float64, error) {
		number, ok := strings.CutSuffix(v, "/y")
		n, err := strconv.ParseFloat(number, 64)
		if !ok || err != nil || !(n >= 0 && n <= 1e6) {
			return 0, errors.New("must be a number a year from 0 to 1e6, such as 4/y")
		}
		return n, nil
	})
	if err == nil {
		*c = out
	}
	return err
}

// Assumptions are what the user vouches for.
type Assumptions map[string]bool

// The assumptions that can be made.
const (
	AssumePLP     = "plp"     // the drive keeps its cache when the power goes
	AssumeBattery = "battery" // a controller with a battery or flash keeps its own
	AssumeAtomic  = "atomic"  // a sector is written whole or not at all
	AssumeSteady  = "steady"  // the device does not slow down under a load that stays
)

// String implements Text.
func (a *Assumptions) String() string {
	return join(*a, func(v bool) string { return map[bool]string{true: "yes", false: "no"}[v] })
}

// Type implements Text.
func (a *Assumptions) Type() string { return "assumptions" }

// Set implements Text: plp=yes,atomic=no.
func (a *Assumptions) Set(text string) error {
	out := Assumptions{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		legal := []string{AssumePLP, AssumeBattery, AssumeAtomic, AssumeSteady}
		if !slices.Contains(legal, name) {
			return fmt.Errorf("unknown %q: legal are %s", name, strings.Join(legal, ", "))
		}
		if _, twice := out[name]; twice {
			return fmt.Errorf("%s is given twice", name)
		}
		if value != "yes" && value != "no" {
			return fmt.Errorf("%s=%q: legal are yes and no", name, value)
		}
		out[name] = value == "yes"
	}
	*a = out
	return nil
}

// safe reports whether the user vouches for the drive's cache.
func (a Assumptions) safe() bool { return a[AssumePLP] || a[AssumeBattery] }

// parseKinds reads kind=value,kind=value.
func parseKinds[V any](text string, parse func(string) (V, error)) (map[Kind]V, error) {
	out := map[Kind]V{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		kind := Kind(strings.TrimSpace(name))
		switch _, twice := out[kind]; {
		case !slices.Contains(Kinds(), kind):
			return nil, fmt.Errorf("there is no figure for %q: crashes are process, os and power", name)
		case twice:
			return nil, fmt.Errorf("%s is given twice", kind)
		case !ok:
			return nil, fmt.Errorf("%s has no value", kind)
		}
		v, err := parse(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("%s=%s: %w", kind, value, err)
		}
		out[kind] = v
	}
	return out, nil
}

// join writes a map as parseKinds reads it, in a fixed order.
func join[K ~string, V any](m map[K]V, show func(V) string) string {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, string(k))
	}
	order := func(name string) int { return slices.Index(Kinds(), Kind(name)) }
	slices.SortFunc(names, func(a, b string) int {
		if d := order(a) - order(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for i, n := range names {
		names[i] = n + "=" + show(m[K(n)])
	}
	return strings.Join(names, ",")
}
