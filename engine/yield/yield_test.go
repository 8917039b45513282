//go:build yieldpoints || race

package yield

import (
	"sync"
	"testing"
)

// Points are safe from any goroutine, with and without a shuffle, and the same
// seed decides the same.
func TestShuffle(t *testing.T) {
	t.Cleanup(Shuffle(7))
	first := *active.Load()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 1000 {
				Point(Place(i % places))
			}
		})
	}
	wg.Wait()
	if active.Load().count == 0 {
		t.Error("no point was counted")
	}
	stop := Shuffle(7)
	if again := *active.Load(); again != first {
		t.Errorf("Shuffle(7) = %+v, then %+v", first, again)
	}
	stop()
	if active.Load() != nil {
		t.Error("a shuffle is in force after stop")
	}
	Point(ReserveCopy)
}

// Every place is the victim of some seed, and some seeds leave a run alone.
func TestSeedsCoverPlaces(t *testing.T) {
	victims, quiet := map[Place]bool{}, false
	for seed := range uint64(2000) {
		stop := Shuffle(seed)
		s := active.Load()
		victims[s.victim] = true
		quiet = quiet || s.density == 0
		stop()
	}
	if len(victims) != places || !quiet {
		t.Errorf("2000 seeds hold up %d of %d places, density 0 seen: %v", len(victims), places, quiet)
	}
}
