package result

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Merge is the results of many hosts in one: each host's own, whole but for what lies
// over time within a round, and beside them the pools of each group of hosts whose
// devices are of one kind.
//
// INVARIANT: a pool is the sum of its hosts' histograms, sample by sample. Nothing is
// averaged, and what stands in Hosts is enough to pool again.
type Merge struct {
	GroupedBy string       `json:"grouped_by"` // what the groups' names say: class, model
	Hosts     []MergeHost  `json:"hosts"`      // in the order of their names
	Groups    []MergeGroup `json:"groups"`     // the largest first
}

// MergeHost is one device of one host, with all results of it that were merged.
type MergeHost struct {
	Name    string   `json:"name"`    // unique in the merge: the host's, with its device where it has several
	Group   string   `json:"group"`   // name of its MergeGroup
	Sources []string `json:"sources"` // where each of Results was read from
	// Results are as they were measured, in the order of their begin, without the
	// series within rounds: those do not join, and stay in the files of Sources.
	Results []*Result `json:"results"`
}

// MergeGroup is the hosts whose devices are of one kind.
type MergeGroup struct {
	Name  string   `json:"name"`
	Hosts []string `json:"hosts"` // their names
	Pools []Pool   `json:"pools"` // limit loops first, then cells, then rows of probes
	// Judged tells whether there were hosts enough to say which of them stand out.
	Judged   bool      `json:"judged"`
	Outliers []Outlier `json:"outliers"` // the farthest first; metrics/stats fills it
}

// What is pooled: what Pool.Of may say.
const (
	PoolLimit = "limit" // the limit loops
	PoolCell  = "cell"  // cells of runs and sweeps
	PoolRow   = "row"   // rows of probes
)

// Pool is one cell, limit loop or row of a probe over all hosts of a group. Its parts
// have all parameters in common but for the length of the rounds; the cells whose rate
// a run found itself have it in their name and differ in the rate.
type Pool struct {
	Of      string   `json:"of"`      // limit, cell, row
	Name    string   `json:"name"`    // of the cell on the first host, or what is written and how
	Section string   `json:"section"` // of the cells
	Params  *Params  `json:"params"`  // of the first host; null of limits and rows
	RateHi  float64  `json:"rate_hi"` // the highest rate, where the hosts' differ: Params.Rate is the lowest
	Hosts   []string `json:"hosts"`   // that have a part in it
	Rounds  int      `json:"rounds"`  // of all hosts
	Commits int64    `json:"commits"` // of all hosts; flushes, of a limit loop or a row

	// Of commits; of a limit loop the flush call, of a row write and flush.
	LatencyNS  *Latency   `json:"latency_ns"`
	Histogram  string     `json:"histogram"`
	OutOfRange OutOfRange `json:"out_of_range"`
	// The flush calls of cells.
	FlushNS         *Latency   `json:"flush_ns"`
	FlushHistogram  string     `json:"flush_histogram"`
	FlushOutOfRange OutOfRange `json:"flush_out_of_range"`

	// Of each of Hosts, in their order: commits, or flushes, a second over all its
	// rounds, and its own percentiles.
	PerS []float64 `json:"per_s"`
	P50  []*int64  `json:"p50_ns"`
	P99  []*int64  `json:"p99_ns"`
}

// Outlier is a figure of one host that is far from those of its group.
type Outlier struct {
	Host   string  `json:"host"`
	Of     string  `json:"of"`     // of the pool
	Pool   string  `json:"pool"`   // its name
	Figure string  `json:"figure"` // p50, p99, per_s
	Value  float64 `json:"value"`  // nanoseconds, or a second
	Median float64 `json:"median"` // of the group's hosts
	Ratio  float64 `json:"ratio"`  // Value / Median
	Score  float64 `json:"score"`  // modified z-score of the logarithm; below 0: lower than the group
	Others int     `json:"others"` // figures of the same host that stand out too, less far
}

// Figures of an Outlier.
const (
	FigureP50  = "p50"
	FigureP99  = "p99"
	FigurePerS = "per_s"
)

// Part is one result to merge.
type Part struct {
	Source string // where it was read from: a folder or a file
	Result *Result
}

// ErrUnmergeable is returned (wrapped) where results do not go together; the text
// names the source.
var ErrUnmergeable = errors.New("cannot be merged")

// MergeParts joins results of many hosts into one of kind merge: Complete when all of
// them are. When it was merged, and by which command, is the caller's to say. group
// names the group of a host from its first result, and by says what those names are.
//
// Results of one host name, device and mount point are one host. It refuses kinds
// that have nothing to pool (crash, plan, lesson, merge), the same result twice, and
// two of one host that were measured at the same time, which are two hosts of one
// name. It does not change the parts, but shares what it keeps of them; the pools
// depend on the parts alone, not on their order. metrics/stats judges the groups.
func MergeParts(parts []Part, by string, group func(*Result) string) (*Result, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("result: merge: %w: no result is given", ErrUnmergeable)
	}
	parts = slices.Clone(parts)
	slices.SortStableFunc(parts, func(a, b Part) int {
		return cmp.Or(cmp.Compare(placeOf(a.Result).String(), placeOf(b.Result).String()), a.Result.Started.Compare(b.Result.Started))
	})
	out := &Result{Schema: Version, Kind: KindMerge, Name: KindMerge, Complete: true, Merge: &Merge{GroupedBy: by}}
	m := out.Merge
	var places []place
	for i, p := range parts {
		if err := mergeable(parts[:i], p); err != nil {
			return nil, fmt.Errorf("result: merge: %s: %w", p.Source, err)
		}
		out.Complete = out.Complete && p.Result.Complete
		out.BytesPlanned += p.Result.BytesPlanned
		out.BytesWritten += p.Result.BytesWritten
		if at := placeOf(p.Result); len(places) == 0 || places[len(places)-1] != at {
			places = append(places, at)
			m.Hosts = append(m.Hosts, MergeHost{Group: group(p.Result)})
		}
		h := &m.Hosts[len(m.Hosts)-1]
		h.Sources = append(h.Sources, p.Source)
		h.Results = append(h.Results, withoutSeries(p.Result))
	}
	nameHosts(m.Hosts, places)
	if err := m.pool(); err != nil {
		return nil, fmt.Errorf("result: merge: %w", err)
	}
	return out, nil
}

// place is what tells hosts apart.
type place struct{ host, device, mount, model string }

func placeOf(r *Result) place {
	e := &r.Environment
	return place{e.Host, e.Device.Name, e.MountPoint, e.Device.Model}
}

// String orders places: no part may hold a zero byte in a file that was written here.
func (p place) String() string {
	return p.host + "\x00" + p.device + "\x00" + p.mount + "\x00" + p.model
}

// nameHosts gives each host a name of its own: the host's, or host:device, or
// host:device:mount point.
func nameHosts(hosts []MergeHost, places []place) {
	taken := map[string]bool{}
	for i, p := range places {
		same := func(q place) bool { return q.host == p.host && q != p }
		name := cmp.Or(p.host, "unknown host")
		if slices.ContainsFunc(places, same) {
			name += ":" + cmp.Or(p.device, p.mount)
		}
		if taken[name] {
			name += ":" + p.mount
		}
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s#%d", name, n)
		}
		taken[name] = true
		hosts[i].Name = name
	}
}

// withoutSeries is a copy of r without what lies over time within rounds.
func withoutSeries(r *Result) *Result {
	c := *r
	c.Cells = slices.Clone(r.Cells)
	for i := range c.Cells {
		c.Cells[i].Rounds = slices.Clone(c.Cells[i].Rounds)
		for j := range c.Cells[i].Rounds {
			round := &c.Cells[i].Rounds[j]
			round.Series, round.AtRiskSeries, round.Memory = nil, nil, round.Memory.withoutSeries()
			if round.Database != nil {
				d := *round.Database
				d.CheckpointAge, d.HistoryLength, d.SampleNS = nil, nil, nil
				round.Database = &d
			}
		}
	}
	return &c
}

// Unmerged returns the results that a merge was made of, host by host; of any other
// result the result itself. They are complete but for the series within rounds.
func (r *Result) Unmerged() []*Result {
	if r.Merge == nil {
		return []*Result{r}
	}
	return r.mergedResults()
}

// mergedResults is Unmerged, none of a result that is no merge.
func (r *Result) mergedResults() (all []*Result) {
	if r.Merge == nil {
		return nil
	}
	for i := range r.Merge.Hosts {
		all = append(all, r.Merge.Hosts[i].Results...)
	}
	return all
}

// Measured is how long the merged results were measured, all together.
func (m *Merge) Measured() (sum time.Duration) {
	for i := range m.Hosts {
		for _, r := range m.Hosts[i].Results {
			if r.Finished != nil {
				sum += r.Finished.Sub(r.Started)
			}
		}
	}
	return sum
}
