package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"flushbench/metrics/model"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// Group is what a plan for many hosts says beside that of one: whom it is for, and
// whom not.
type Group struct {
	Name       string      `json:"name"`       // kind of the devices, as merge grouped them
	Hosts      []string    `json:"hosts"`      // whose figures are pooled
	Exceptions []Exception `json:"exceptions"` // the outliers first, then in the order of their names
	Undecided  []string    `json:"undecided"`  // of Hosts: their own figures do not show whether Use meets it
}

// Exception is a host that the plan of its group is not for.
type Exception struct {
	Host string `json:"host"`
	// Outlier: it stands out of its group and is not in the pool. Else its figures are
	// in the pool, and by themselves answer otherwise than the group's.
	Outlier bool   `json:"outlier"`
	Why     string `json:"why"`
	Plan    *Plan  `json:"plan"` // by its own figures alone; null: no commits were measured on it
}

// Count returns for how many hosts the plan of the group is.
func (g *Group) Count() int {
	hosts := len(g.Hosts)
	for _, e := range g.Exceptions {
		if !e.Outlier {
			hosts--
		}
	}
	return hosts
}

// Failing names the first exception that no setting meets the objectives on; "":
// none, as of a nil group.
func (g *Group) Failing() string {
	if g == nil {
		return ""
	}
	for _, e := range g.Exceptions {
		if e.Plan != nil && e.Plan.Verdict == No {
			return e.Host
		}
	}
	return ""
}

// DecideMerge decides for each group of a merge, by the evidence of its hosts pooled:
// percentiles are those of all hosts' samples, throughputs the medians over all their
// rounds, of the knees of sweeps the lowest counts, and what is at risk is the worst of
// any host. Hosts that stand out of their group are left out and decided by
// themselves, and so are those whose own figures contradict the group's answer.
//
// Of beside, results that cannot be merged, those of a host of the merge are taken as
// evidence of that host; the others are returned.
func DecideMerge(o *Objectives, m *result.Merge, beside []*result.Result, today time.Time) (plans []*Plan, rest []*result.Result, err error) {
	members := make(map[string][]*result.Result, len(m.Hosts))
	hosts := map[place]string{}
	for i := range m.Hosts {
		h := &m.Hosts[i]
		members[h.Name] = slices.Clone(h.Results)
		hosts[placeOf(h.Results[0])] = h.Name
	}
	for _, r := range beside {
		if name, ok := hosts[placeOf(r)]; ok {
			members[name] = append(members[name], r)
		} else {
			rest = append(rest, r)
		}
	}
	for i := range m.Groups {
		p, err := decideGroup(o, &m.Groups[i], members, today)
		if err != nil {
			return nil, nil, err
		}
		plans = append(plans, p)
	}
	return plans, rest, nil
}

// decideGroup decides for one group.
func decideGroup(o *Objectives, from *result.MergeGroup, members map[string][]*result.Result, today time.Time) (*Plan, error) {
	g := &Group{Name: from.Name, Exceptions: []Exception{}, Undecided: []string{}}
	for i := range from.Outliers {
		out := &from.Outliers[i]
		own, err := decideHost(o, members[out.Host], today)
		if err != nil {
			return nil, err
		}
		g.Exceptions = append(g.Exceptions, Exception{Host: out.Host, Outlier: true, Why: outlierText(out), Plan: own})
	}
	var pooled []*result.Result
	for _, name := range from.Hosts {
		if !slices.ContainsFunc(from.Outliers, func(x result.Outlier) bool { return x.Host == name }) {
			g.Hosts = append(g.Hosts, name)
			pooled = append(pooled, members[name]...)
		}
	}
	e, err := fromHosts(pooled)
	if err != nil {
		return nil, fmt.Errorf("%w (group %s)", err, from.Name)
	}
	if n := len(g.Hosts); n > 1 {
		e.disk.Headline = fmt.Sprintf("%s: %s hosts together", g.Name, verdict.Count(float64(n)))
	}
	p := Decide(o, e, today)
	p.Group = g
	if len(g.Hosts) > 1 {
		for _, name := range g.Hosts {
			if err := g.compare(o, p, name, members[name], today); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// decideHost decides for one host by itself; nil where no commits were measured.
func decideHost(o *Objectives, results []*result.Result, today time.Time) (*Plan, error) {
	e, err := FromResults(results)
	if errors.Is(err, ErrNoCells) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return Decide(o, e, today), nil
}

// compare holds a host's own measurements against the answer of its group. What a
// model says of one host's few rounds contradicts nothing, so none is asked.
func (g *Group) compare(o *Objectives, p *Plan, host string, results []*result.Result, today time.Time) error {
	e, err := fromResults(results, false)
	if errors.Is(err, ErrNoCells) {
		return nil
	}
	if err != nil {
		return err
	}
	e.disk.Flush = model.Dist{}
	own := Decide(o, e, today)
	var why string
	switch {
	case p.Verdict == Yes:
		row := own.row(p.Use)
		if row == nil || row.Verdict == Unknown {
			g.Undecided = append(g.Undecided, host)
			return nil
		}
		if row.Verdict == Yes {
			return nil
		}
		why = row.Misses[0].Text
	case own.Verdict == p.Verdict || own.Verdict == Unknown:
		return nil
	case p.Verdict == No && own.Verdict == Yes:
		why = own.Use + " meets it by its own figures"
	default:
		return nil
	}
	full, err := decideHost(o, results, today)
	if err == nil {
		g.Exceptions = append(g.Exceptions, Exception{Host: host, Why: why, Plan: full})
	}
	return err
}

// outlierText says how far a host is from its group.
func outlierText(o *result.Outlier) string {
	what, of := o.Figure, "commits'"
	switch {
	case o.Figure == result.FigurePerS:
		what, of = "rate", "commit"
	case o.Of != result.PoolCell:
		of = "flush"
	}
	return fmt.Sprintf("its %s %s is %s x the median of its group", of, what, plain(verdict.Significant(o.Ratio, 2)))
}

// groupText are the sentences about the hosts of a group.
func (p *Plan) groupText() []string {
	g := p.Group
	if g == nil {
		return nil
	}
	var out []string
	for i := range g.Exceptions {
		out = append(out, g.Exceptions[i].text())
	}
	if n := len(g.Hosts); n > 1 && len(g.Undecided) > 0 {
		out = append(out, fmt.Sprintf("By their own figures alone %d of the %d hosts are not decided: %s.", len(g.Undecided), n, nameSome(g.Undecided)))
	}
	if len(out) == 0 && len(g.Hosts) > 1 {
		out = append(out, fmt.Sprintf("None of the %d hosts stands out, and the figures of none say otherwise.", len(g.Hosts)))
	}
	return out
}

// text says what an exception is, and what its own answer.
func (e *Exception) text() string {
	text := e.Host + ": " + e.Why + ". "
	switch {
	case e.Plan == nil:
		return text + "No commits were measured on it."
	case e.Plan.Verdict == Yes:
		return text + "For it: " + e.Plan.UseText() + "."
	case e.Plan.Verdict == Unknown:
		return text + "Not decided by its own results."
	}
	return text + "No setting meets this on its disk."
}

// nameSome names the first few.
func nameSome(names []string) string {
	const most = 5
	text := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
