package main

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// recordedNoise loads the recorded rounds.
func recordedNoise(t *testing.T) *noise {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", noiseFile))
	if err != nil {
		t.Fatal(err)
	}
	var n noise
	if err := json.Unmarshal(data, &n); err != nil {
		t.Fatal(err)
	}
	return &n
}

// deal makes two results of the recorded rounds, half of each cell's for either
// side, by chance. speed is what b's engine makes of it, beside the same limit.
func (n *noise) deal(random *rand.Rand, speed float64) (a, b *result.Result) {
	var sides [2]*result.Result
	for s := range sides {
		sides[s] = &result.Result{Schema: result.Version, Kind: result.KindRun, Complete: true, Limit: &result.LimitSummary{}}
	}
	for i := range n.Cells {
		rec := &n.Cells[i]
		half := len(rec.TPS) / 2
		for k, from := range random.Perm(2 * half) {
			side, factor := sides[k/half], 1.0
			if k/half == 1 {
				factor = speed
			}
			if k%half == 0 {
				side.Cells = append(side.Cells, result.Cell{Name: rec.Name, Bound: result.BoundFlush, Params: result.Params{Policy: "1", Clients: i + 1, Load: result.LoadClosed}})
			}
			c := &side.Cells[i]
			c.Rounds = append(c.Rounds, result.Round{Round: k%half + 1, DurationS: 1, TPS: rec.TPS[from] * factor, Limit: result.RoundLimit{FlushPerS: rec.Limit[from]}})
			if i == 0 {
				side.Limit.Rounds = append(side.Limit.Rounds, result.LimitRound{Round: k%half + 1, FlushPerS: rec.Limit[from]})
			}
		}
	}
	return sides[0], sides[1]
}

// TestCompareRecordedNoise is TestSoakSameBinaryIsHardlyEverFlagged for every run
// of the tests: 20 cells, 100 times. Fresh rounds would take minutes, and one run
// in a hundred would flag more than its share by chance, so it deals recorded ones
// to the two sides, by seeds that do not change: the noise is a machine's, and the
// outcome is the same each time.
func TestCompareRecordedNoise(t *testing.T) {
	t.Parallel()
	n := recordedNoise(t)
	if len(n.Cells) != 20 {
		t.Fatalf("%d recorded cells; want 20", len(n.Cells))
	}
	total, cells, worst := 0, 0, 0
	for seed := range uint64(100) {
		a, b := n.deal(rand.New(rand.NewPCG(seed, 7)), 1)
		d := stats.CompareResults(a, b, false)
		got := flagged(&d)
		total, cells, worst = total+got, cells+len(d.Cells), max(worst, got)
	}
	t.Logf("%d of %d equal cells flagged, at most %d of 20", total, cells, worst)
	// Each of the two tests passes 5 %; both must, so it is far fewer.
	if total > 40 || worst > 2 || cells != 2000 {
		t.Errorf("%d of %d equal cells flagged, at most %d of 20; want at most 40 of 2000, 2 of 20", total, cells, worst)
	}
}

// TestCompareFindsASlowdownInRecordedNoise makes b's engine a fifth slower and
// leaves its limit alone. Ten rounds of 60 ms each on a machine that busy are too
// few to be sure of it in every cell, and so compare must find it in most of them
// and say of nearly all others that it cannot tell; none is called faster.
func TestCompareFindsASlowdownInRecordedNoise(t *testing.T) {
	n := recordedNoise(t)
	count := map[stats.Outcome]int{}
	for seed := range uint64(50) {
		a, b := n.deal(rand.New(rand.NewPCG(seed, 8)), 1/1.2)
		d := stats.CompareResults(a, b, false)
		for i := range d.Cells {
			count[d.Cells[i].Outcome]++
		}
	}
	t.Logf("%v", count)
	if count[stats.Slower] < 500 || count[stats.Noise] > 100 || count[stats.Faster] > 0 {
		t.Errorf("outcomes %v; want at least 500 of 1000 slower, at most 100 no difference, none faster", count)
	}
}

// TestComparePlot draws a comparison as a user does.
func TestComparePlot(t *testing.T) {
	a, b, dir := saved(t, compared(10, 1)), saved(t, compared(10, 0.8)), t.TempDir()
	for _, c := range []struct {
		args  []string
		code  int
		want  string // on standard error
		file  string
		magic string
	}{
		{[]string{a, b, "--plot", filepath.Join(dir, "x.svg")}, 0, "", "x.svg", "<svg"},
		{[]string{a, b, "--plot", filepath.Join(dir, "x.png"), "--fail-if-slower", "5%"}, 4, "3 of 4 cells slower", "x.png", "\x89PNG"},
		{[]string{a, b, "--plot", filepath.Join(dir, "y.pdf")}, 2, "must end in .svg or .png", "", ""},
		{[]string{a, b, "--plot", filepath.Join(dir, "y")}, 2, "must end in .svg or .png", "", ""},
		{[]string{a, b, a, "--plot", filepath.Join(dir, "y.svg")}, 2, "draws one B against A, not 2", "", ""},
		{[]string{a, b, "--plot", filepath.Join(dir, "missing", "y.svg")}, 2, "no such file", "", ""},
	} {
		_, stderr, code := command(t, append([]string{"compare"}, c.args...)...)
		if code != c.code || (c.want == "") != (stderr == "") || !strings.Contains(stderr, c.want) {
			t.Errorf("compare %v: exit code %d, %q; want %d, %q", c.args[2:], code, stderr, c.code, c.want)
		}
		if c.file == "" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, c.file))
		if err != nil || len(data) < len(c.magic) || string(data[:len(c.magic)]) != c.magic {
			t.Errorf("%s: %d bytes, %v; want it to begin with %q", c.file, len(data), err, c.magic)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left in the folder: %v, %v; want the two pictures", left, err)
	}
}
