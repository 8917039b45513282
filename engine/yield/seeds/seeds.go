// Package seeds runs a property of concurrent code for many seeds: few in a
// plain go test, many in CI, a million in a soak. Only tests import it.
//
// Each seed shuffles the yield points (see package yield; they exist with the
// tag yieldpoints or under -race) and is handed to the property for choices of
// its own. A failure names its seed; "-seed=N" runs that one alone, many times
// over, because the scheduler has a say too.
package seeds

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"flushbench/engine/yield"
)

// How many seeds a run of Run and of Soak tries.
const (
	Plain = 200
	CI    = 20_000
	Few   = 3_000 // in CI under -short, or without yield points
	Long  = 1_000_000
	again = 200 // times that one seed given by -seed is run
)

var one = flag.Uint64("seed", 0, "run only this seed, many times (0: fresh seeds)")

// Heavy reports whether the long form of a test is asked for, by CI or a soak, and
// not refused by -short.
func Heavy() bool { return (ci() || Soaking()) && !testing.Short() }

func ci() bool { return os.Getenv("FLUSHBENCH_CI") != "" }

// Soaking reports whether hours may be taken.
func Soaking() bool { return os.Getenv("FLUSHBENCH_SOAK") != "" }

// HeavyOnly skips a test that is too long for a plain run, and that measures, so
// that it means nothing under the race detector.
func HeavyOnly(t testing.TB) {
	t.Helper()
	if !Heavy() || yield.Enabled {
		t.Skip("takes long: set FLUSHBENCH_CI=1")
	}
}

// Base returns the seed that -seed names, else a fresh one, and logs it.
func Base(t testing.TB) uint64 {
	t.Helper()
	seed := *one
	if seed == 0 {
		seed = uint64(rand.Uint32())
	}
	t.Logf("seed %d (repeat it with -seed=%d)", seed, seed)
	return seed
}

// Run tries a property with Plain seeds, in CI with CI seeds divided by cost. There
// it takes Few where more are worth little: under -short, which the race detector is
// run with, since it sees a race without the bad luck that makes it hurt, and without
// yield points, where a seed shuffles hardly anything. .ci/run has the CI seeds in a
// pass with yield points and without the race detector.
// The property returns what is wrong, "" for nothing.
func Run(t *testing.T, cost int, property func(seed uint64) string) {
	t.Helper()
	n := Plain
	switch {
	case Heavy() && yield.Enabled:
		n = max(Plain, CI/cost)
	case ci() || Soaking():
		n = max(Plain, Few/cost)
	}
	piece{uint64(rand.Uint32()), n, 1}.run(t, property)
}

// Soak tries it with Long seeds divided by cost, or with those that FLUSHBENCH_SEEDS
// names: FROM..TO, without TO. So a search can go on where it was stopped, or run in
// several processes beside each other; its log says how far it is. It skips unless
// FLUSHBENCH_SOAK is set. Then it fails without yield points, where a million seeds
// shuffle hardly anything. Tests that call it have ShuffledSoak in their names: by that
// the pass of make soak with yield points finds them, and the other one leaves them out.
func Soak(t *testing.T, cost int, property func(seed uint64) string) {
	t.Helper()
	if !strings.Contains(t.Name(), "ShuffledSoak") {
		t.Fatal("the name of a test that calls seeds.Soak has ShuffledSoak in it, or make soak misses it")
	}
	SoakOnly(t)
	if !yield.Enabled {
		t.Fatal("seeds shuffle nothing in this build: go test -tags yieldpoints (make soak)")
	}
	p := piece{first: uint64(rand.Uint32()), n: max(1, Long/cost), step: 1}
	if text := os.Getenv("FLUSHBENCH_SEEDS"); text != "" {
		var err error
		if p, err = parsePiece(text); err != nil {
			t.Fatal(err)
		}
	}
	p.run(t, property)
}

// piece is the seeds that are tried one after the other: n of them from first on.
type piece struct {
	first uint64
	n     int
	step  uint64 // 1; 0: the same one again and again
}

// parsePiece reads FROM..TO, half-open.
func parsePiece(text string) (piece, error) {
	from, to, ok := strings.Cut(text, "..")
	first, err1 := strconv.ParseUint(from, 10, 64)
	end, err2 := strconv.ParseUint(to, 10, 64)
	if !ok || err1 != nil || err2 != nil || first >= end || end-first > math.MaxInt32 {
		return piece{}, fmt.Errorf("FLUSHBENCH_SEEDS=%s: want FROM..TO, without TO, FROM below it, at most %d seeds", text, math.MaxInt32)
	}
	return piece{first, int(end - first), 1}, nil
}

// SoakOnly skips the test unless FLUSHBENCH_SOAK is set. It has Soak in its name:
// .ci/run accepts no other skip.
func SoakOnly(t testing.TB) {
	t.Helper()
	if !Soaking() {
		t.Skip("takes long: set FLUSHBENCH_SOAK=1")
	}
}

// stuck is how long one run of a property, which takes milliseconds, may last
// before it counts as hanging: a wake-up was lost. It is counted in ticks that this
// process has got: while it stands still, or gets no processor, it hangs no longer.
const (
	stuck = 20 * time.Second
	tick  = 10 * time.Millisecond
)

// Ends fails the test, with the stacks of all goroutines, if f does not
// return: for things of milliseconds that must not wait for each other.
func Ends(t testing.TB, f func()) {
	t.Helper()
	if wrong := Hangs(f); wrong != "" {
		t.Fatal(wrong)
	}
}

// Hangs runs f and returns "", or the stacks of all goroutines if it does not
// return; then it goes on.
func Hangs(f func()) string {
	return watch(func(uint64) string { f(); return "" }, 0)
}

// Until waits until something is so. It fails the test, with the stacks of all
// goroutines, if that never happens.
func Until(t testing.TB, what string, so func() bool) {
	t.Helper()
	for left := stuck; !so(); left -= tick / 10 {
		if left <= 0 {
			t.Fatalf("it never happens that %s\n%s", what, stacks())
		}
		time.Sleep(tick / 10)
	}
}

// watch returns what property says, or where all goroutines stand if it hangs.
func watch(property func(uint64) string, seed uint64) string {
	done := make(chan string, 1)
	go func() { done <- property(seed) }()
	ticks := time.NewTicker(tick) // drops those that nobody could take
	defer ticks.Stop()
	for left := stuck; left > 0; left -= tick {
		select {
		case wrong := <-done:
			return wrong
		case <-ticks.C:
		}
	}
	return fmt.Sprintf("hangs for %v\n%s", stuck, stacks())
}

func stacks() []byte {
	b := make([]byte, 1<<18)
	return b[:runtime.Stack(b, true)]
}

// block is how many seeds after each other run on one processor, where a goroutine is
// interrupted at yield points and hardly anywhere else; as many run on all of them then.
// Which ones they are does not depend on the piece.
const block = 50

// every is how often a soak says how far it is.
const every = time.Minute

func (p piece) run(t *testing.T, property func(uint64) string) {
	t.Helper()
	if *one != 0 {
		p = piece{*one, again, 0}
	}
	t.Logf("seeds %d to %d, yield points: %v", p.first, p.seed(p.n-1), yield.Enabled)
	procs := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(procs)
	said, since := time.Now(), 0
	for i := range p.n {
		if at := p.first + uint64(i); i == 0 || at%block == 0 {
			runtime.GOMAXPROCS(min(procs, 1+procs*int(at/block%2)))
		}
		seed := p.seed(i)
		stop := yield.Shuffle(seed)
		wrong := watch(property, seed)
		stop()
		if wrong != "" {
			t.Fatalf("seed %d, GOMAXPROCS %d: %s\nrun it alone with -seed=%d", seed, runtime.GOMAXPROCS(0), wrong, seed)
		}
		if past := time.Since(said); past >= every {
			t.Logf("%d of %d seeds, %.1f a second; next is %d", i+1, p.n, float64(i+1-since)/past.Seconds(), p.seed(i+1))
			said, since = time.Now(), i+1
		}
	}
}

// seed is the i-th of a piece.
func (p piece) seed(i int) uint64 { return p.first + p.step*uint64(i) }
