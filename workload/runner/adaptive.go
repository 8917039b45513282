package runner

import (
	"time"

	"flushbench/metrics/result"
)

// Adaptive decides round by round what a plan measures, for searches whose next
// question depends on the last answer. Calls come from the goroutine of the run.
//
// The Specs of such a plan are templates: logs are made for them, and the bytes
// that the run may write are estimated from them, but they are not measured. What
// Next returns must run on the files of one of them.
type Adaptive interface {
	// Next returns the cells of round n, which are measured in a random order, each
	// once; none ends the run. Cells of one name are one cell of the result, with a
	// round for each time. The rounds before n are in res, to which the searcher may
	// add what it has found.
	Next(res *result.Result, n int) []Spec
	// Finish is called once, however the run ended, before the result is saved for
	// the last time.
	Finish(res *result.Result)
	// Longest is how long the run takes at the most, said beforehand.
	Longest() time.Duration
	// Resume is called instead of Next for the rounds that an earlier run has begun,
	// all of them at once and before anything is written. It returns what Next
	// returned in each, the last one of which may be unfinished, and refuses a result
	// that is not of this search.
	Resume(earlier *result.Result) ([][]Spec, error)
}

// adaptive is what a run with an adaptive plan keeps; without one it is zero.
type adaptive struct {
	templates []Spec      // Plan.Specs, as the user of the package gave them
	now       []int       // indexes of the specs of this round
	asked     map[int]int // by index: in how many rounds so far
	earlier   [][]Spec    // of the rounds that an earlier run has begun
}

// distinct returns the specs of the earlier rounds in the order of their cells, and
// by name in how many rounds each was asked for.
func (a *adaptive) distinct() (specs []Spec, asked map[string]int) {
	asked = map[string]int{}
	for _, round := range a.earlier {
		for _, s := range round {
			if asked[s.Name]++; asked[s.Name] == 1 {
				specs = append(specs, s)
			}
		}
	}
	return specs, asked
}

// thisRound returns the indexes of the specs that the round measures.
func (r *run) thisRound() []int {
	if r.plan.Adaptive != nil {
		return r.adaptive.now
	}
	all := make([]int, len(r.plan.Specs))
	for i := range all {
		all[i] = i
	}
	return all
}

// grow asks an adaptive plan for the cells of round n and adds those that are new.
// It reports whether there are any.
func (r *run) grow(n int) bool {
	if r.plan.Adaptive == nil {
		return true
	}
	a := &r.adaptive
	if a.asked == nil {
		a.templates, a.asked, r.plan.Specs = r.plan.Specs, map[int]int{}, nil
	}
	a.now = a.now[:0]
	for _, s := range r.next(n) {
		i := 0
		for i < len(r.plan.Specs) && r.plan.Specs[i].Name != s.Name {
			i++
		}
		if i == len(r.plan.Specs) {
			r.plan.Specs = append(r.plan.Specs, s)
			if i == len(r.res.Cells) { // no earlier run has it
				r.addCell(&r.plan.Specs[i])
			}
		}
		a.asked[i]++
		a.now = append(a.now, i)
	}
	if len(a.now) == 0 && len(r.plan.Specs) == 0 {
		r.plan.Specs = a.templates // whoever asks for the plan's files finds them
	}
	return len(a.now) > 0
}

// next returns what an adaptive plan measures in round n.
func (r *run) next(n int) []Spec {
	if e := r.adaptive.earlier; n <= len(e) {
		return e[n-1]
	}
	return r.plan.Adaptive.Next(r.res, n)
}

// addCell adds a cell without rounds to the result.
func (r *run) addCell(s *Spec) {
	r.res.Cells = append(r.res.Cells, result.Cell{
		Name: s.Name, Section: s.Section, Durability: r.durability(s), Bound: result.BoundUnknown, BoundText: "not measured yet",
		Partial: true, Params: r.params(s),
	})
}

// params returns the axes of a spec as the result names them.
func (r *run) params(s *Spec) result.Params {
	name := ""
	if v := r.servers.Of(&s.Asked); v != nil {
		name = v.Name()
	}
	return s.params(r.plan.Floor, name)
}

// roundsOf is how many rounds cell i has to have by now.
func (r *run) roundsOf(i int) int {
	if r.plan.Adaptive != nil {
		return r.adaptive.asked[i]
	}
	return r.plan.Rounds
}

// roundsDone is how many rounds of spec i are in the result.
func (r *run) roundsDone(i int) int {
	if r.plan.Adaptive != nil {
		return 0 // a template
	}
	return len(r.res.Cells[i].Rounds)
}

// sessionsOn is the most sessions that cells on the files of s have.
func (r *run) sessionsOn(s *Spec, most int) int {
	for i := range r.adaptive.templates {
		if o := &r.adaptive.templates[i]; o.logKey() == s.logKey() {
			most = max(most, o.sessions())
		}
	}
	return most
}
