package seeds

import (
	"maps"
	"runtime"
	"testing"
)

func TestParsePiece(t *testing.T) {
	for text, want := range map[string]piece{
		"0..1":                   {0, 1, 1},
		"0..100000":              {0, 100_000, 1},
		"4294967295..5e":         {},
		"31000..32000":           {31_000, 1000, 1},
		"7..7":                   {},
		"8..7":                   {},
		"7":                      {},
		"7-9":                    {},
		"..9":                    {},
		"-1..9":                  {},
		"0..1000000000000":       {},
		"9000000000..9000000001": {9_000_000_000, 1, 1},
	} {
		got, err := parsePiece(text)
		if got != want || (err == nil) != (want.n > 0) {
			t.Errorf("parsePiece(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// Pieces of a search are the search: each seed comes once, in order, and has as many
// processors as in any other piece. Half of them have one.
func TestPieces(t *testing.T) {
	if *one != 0 {
		t.Skip("-seed runs one seed alone")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	search := func(from, to uint64) map[uint64]int {
		procs, last := map[uint64]int{}, from
		piece{from, int(to - from), 1}.run(t, func(seed uint64) string {
			if _, twice := procs[seed]; twice || seed < last {
				t.Errorf("seed %d after seed %d", seed, last)
			}
			procs[seed], last = runtime.GOMAXPROCS(0), seed
			return ""
		})
		return procs
	}
	whole, cut := search(130, 530), map[uint64]int{}
	for at := uint64(130); at < 530; at += 40 {
		maps.Copy(cut, search(at, at+40))
	}
	if !maps.Equal(whole, cut) {
		t.Errorf("in pieces the seeds have other processors: %v; want %v", cut, whole)
	}
	single := 0
	for _, procs := range whole {
		if procs == 1 {
			single++
		}
	}
	if len(whole) != 400 || single != 200 {
		t.Errorf("%d seeds, %d of them on one processor; want 400, 200", len(whole), single)
	}
}
