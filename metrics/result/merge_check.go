package result

import (
	"fmt"
	"slices"
)

// mergeable says why p does not go with those before it, which stand in the order of
// hosts and begin.
func mergeable(before []Part, p Part) error {
	r := p.Result
	switch r.Kind {
	case KindRun, KindSweep, KindProbe:
	case KindMerge:
		return fmt.Errorf("%w: it is a merge already; merge the results that it was made of", ErrUnmergeable)
	default:
		return fmt.Errorf("%w: a result of kind %s has nothing to pool; legal are %s, %s and %s", ErrUnmergeable, r.Kind, KindRun, KindSweep, KindProbe)
	}
	if len(before) == 0 {
		return nil
	}
	last := before[len(before)-1]
	switch {
	case placeOf(last.Result) != placeOf(r):
		return nil
	case last.Result.Started.Equal(r.Started) && last.Result.Seed == r.Seed && last.Result.Kind == r.Kind:
		return fmt.Errorf("%w: it is the same %s as %s", ErrUnmergeable, r.Kind, last.Source)
	case last.Result.Finished != nil && r.Started.Before(*last.Result.Finished):
		return fmt.Errorf("%w: it was measured at the same time as %s and calls its host %q too: give the hosts names of their own", ErrUnmergeable, last.Source, r.Environment.Host)
	}
	return nil
}

// validate checks what every reader of a merge relies on; nil is legal.
func (m *Merge) validate() error {
	if m == nil {
		return nil
	}
	names := map[string]bool{}
	for i := range m.Hosts {
		h := &m.Hosts[i]
		if h.Name == "" || names[h.Name] {
			return fmt.Errorf("merge: hosts[%d]: name %q is empty or given twice", i, h.Name)
		}
		names[h.Name] = true
		if len(h.Results) == 0 || len(h.Sources) != len(h.Results) {
			return fmt.Errorf("merge: host %s: %d results from %d sources: must be as many, and at least one", h.Name, len(h.Results), len(h.Sources))
		}
		for _, r := range h.Results {
			if r == nil || r.Merge != nil {
				return fmt.Errorf("merge: host %s: null or a merge where a result should be", h.Name)
			}
			if err := r.validate(); err != nil {
				return fmt.Errorf("merge: host %s: %w", h.Name, err)
			}
		}
	}
	for i := range m.Groups {
		for j := range m.Groups[i].Pools {
			p := &m.Groups[i].Pools[j]
			if n := len(p.Hosts); len(p.PerS) != n || len(p.P50) != n || len(p.P99) != n {
				return fmt.Errorf("merge: group %s, pool %s: lists of unequal length", m.Groups[i].Name, p.Name)
			}
		}
	}
	return nil
}

// withoutNilSlices is a copy whose lists are written as [] and not as null.
func (h MergeHost) withoutNilSlices() MergeHost {
	h.Results = slices.Clone(h.Results)
	for j := range h.Results {
		h.Results[j] = withoutNilSlices(h.Results[j])
	}
	return h
}

// withoutNilSlices is a copy whose lists are written as [] and not as null; nil stays.
func (m *Merge) withoutNilSlices() *Merge {
	if m == nil {
		return nil
	}
	c := *m
	c.Hosts = slices.Clone(emptied(c.Hosts))
	for i := range c.Hosts {
		c.Hosts[i] = c.Hosts[i].withoutNilSlices()
	}
	c.Groups = slices.Clone(emptied(c.Groups))
	for i := range c.Groups {
		c.Groups[i].Pools, c.Groups[i].Outliers = emptied(c.Groups[i].Pools), emptied(c.Groups[i].Outliers)
	}
	return &c
}
