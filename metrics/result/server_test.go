package result

import "testing"

// A round has failed when something other than a transaction that was run again ended it
// before its time, and a cell when each of its rounds has.
func TestFailure(t *testing.T) {
	round := func(partial bool, kinds map[string]int64) Round {
		return Round{Partial: partial, Server: &Server{ErrorsByKind: kinds}}
	}
	lost := round(true, map[string]int64{"connection lost": 3, "deadlock": 9, "other": 1})
	for _, c := range []struct {
		name   string
		rounds []Round
		want   string
	}{
		{"none", nil, ""},
		{"the most frequent", []Round{lost}, "connection lost"},
		{"one of equally many", []Round{round(true, map[string]int64{"read only": 2, "no space": 2})}, "no space"},
		{"run again", []Round{round(true, map[string]int64{"deadlock": 9, "lock wait timeout": 1})}, ""},
		{"a whole round", []Round{round(false, map[string]int64{"connection lost": 3})}, ""},
		{"one of two", []Round{lost, round(false, nil)}, ""},
		{"the last", []Round{lost, round(true, map[string]int64{"read only": 1})}, "read only"},
		{"an interrupted one", []Round{lost, round(true, nil)}, ""},
		{"the engine's", []Round{{Partial: true}}, ""},
	} {
		if got := (&Cell{Rounds: c.rounds}).Failure(); got != c.want {
			t.Errorf("%s: Failure() = %q; want %q", c.name, got, c.want)
		}
	}
}
