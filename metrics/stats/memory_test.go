package stats

import (
	"testing"

	"flushbench/metrics/result"
)

func resident(first, last int64, n int) *result.Memory {
	m := &result.Memory{ResidentBegin: 1 << 40, ResidentMax: max(first, last)}
	for i := range n {
		m.Resident = append(m.Resident, first+(last-first)*int64(i)/int64(n-1))
	}
	return m
}

// The fifths are those of the whole cell: memory that grows between its rounds, and
// stays within each, is growth.
func TestResidentFifths(t *testing.T) {
	for _, c := range []struct {
		name        string
		rounds      []*result.Memory
		first, last float64
		ok          bool
	}{
		{"none", []*result.Memory{nil, nil}, 0, 0, false},
		{"few", []*result.Memory{resident(5, 9, 4), resident(5, 9, 5)}, 0, 0, false},
		{"one round", []*result.Memory{resident(0, 90, 10)}, 5, 85, true},
		{"a rest", []*result.Memory{resident(0, 130, 14)}, 5, 125, true},
		{"from round to round", []*result.Memory{resident(10, 10, 6), nil, resident(30, 30, 6)}, 10, 30, true},
	} {
		cell := &result.Cell{}
		for _, m := range c.rounds {
			cell.Rounds = append(cell.Rounds, result.Round{Memory: m})
		}
		first, last, ok := ResidentFifths(cell)
		if first != c.first || last != c.last || ok != c.ok {
			t.Errorf("%s: %v, %v, %v; want %v, %v, %v", c.name, first, last, ok, c.first, c.last, c.ok)
		}
	}
}

// The summary has the most of all rounds, those that ended early too.
func TestSummaryOfMemory(t *testing.T) {
	c := &result.Cell{Rounds: []result.Round{{Memory: resident(10, 20, 3)}, {Memory: resident(10, 70, 3), Partial: true}, {}, {Memory: resident(50, 10, 3)}}}
	s := SummarizeCell(c)
	if s.ResidentMax == nil || *s.ResidentMax != 70 {
		t.Errorf("ResidentMax = %v; want 70", s.ResidentMax)
	}
	if s := SummarizeCell(&result.Cell{Rounds: []result.Round{{}}}); s.ResidentMax != nil {
		t.Errorf("ResidentMax of an older result = %d; want none", *s.ResidentMax)
	}
}
