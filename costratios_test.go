//go:build ratios

package flushbench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics"
	"flushbench/metrics/stats"
)

// The pieces of measuring. In the upper half of the word stands, less 1, how many commits
// there are to one that is timed.
const (
	readClock uint32 = 1 << iota
	record
	ackLane
	everyPiece = readClock | record | ackLane
)

func oneIn(n uint32) uint32 { return everyPiece | (n-1)<<16 }

// measured is a closed loop of policy 2 whose clients measure what on says.
type measured struct {
	e       *engine.Engine
	set     *metrics.RecorderSet
	tracker *metrics.Tracker
	on      atomic.Uint32 // pieces
	over    atomic.Bool
	all     sync.WaitGroup

	unsampled func() // ends the samples
}

// TestMeasuringParts shows where the cost of measuring is: slices of one run in
// random order, in each of which the clients do another part of it. Slices of one
// run, because two runs differ by more than a piece takes. What the clock alone takes
// is the least that a latency of each commit can cost.
//
//	go test -tags ratios -run TestMeasuringParts -v -timeout 0 .
func TestMeasuringParts(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 1))
	parts := []struct {
		name string
		on   uint32
	}{{"nothing", 0}, {"clock", readClock}, {"clock, recorder", readClock | record}, {"clock, lane", readClock | ackLane}, {"everything", everyPiece},
		{"one in 8", oneIn(8)}, {"one in 16", oneIn(16)}, {"one in 32", oneIn(32)}, {"one in 64", oneIn(64)}}
	log := newBenchLog(t, vfs.NewOS(), benchCapacity)
	for _, clients := range []int{1, 8} {
		m := newMeasured(t, log, clients)
		rates := make([][]float64, len(parts))
		for range envInt("RATIOS_PAIRS", 150) {
			round := make([]float64, len(parts))
			stood := false // the disk, for a whole slice
			for _, i := range rand.Perm(len(parts)) {
				m.on.Store(parts[i].on)
				round[i] = m.slice(10 * time.Millisecond)
				stood = stood || round[i] == 0
			}
			for i := range round {
				if !stood {
					rates[i] = append(rates[i], round[i])
				}
			}
		}
		m.stop(t)
		for i, p := range parts {
			var cost []float64
			for n, r := range rates[i] {
				cost = append(cost, math.Log(rates[0][n]/r))
			}
			mean, upper := stats.UpperBound95(cost)
			median, medianUpper := stats.MedianBound95(cost)
			percent := func(x float64) float64 { return 100 * (1 - math.Exp(-x)) }
			fmt.Printf("policy 2, %d clients, %-16s %7.0f ns a commit, %4.1f %% of TPS, upper 95 %% bound %4.1f %%; median %4.1f %%, its bound %4.1f %% (%d slices)\n",
				clients, p.name+":", 1e9/stats.Median(rates[i]), percent(mean), percent(upper), percent(median), percent(medianUpper), len(cost))
		}
	}
}

func newMeasured(t *testing.T, log *benchLog, clients int) *measured {
	t.Helper()
	m := &measured{e: log.open(t, engine.Options{Clients: clients, Commit: commitOf(groupcommit.Policy2, 0, false)})}
	now := clock.Now()
	m.set = metrics.NewRecorderSet(metrics.RecorderConfig{Workers: clients, Window: metrics.Window{From: now, Until: now + int64(time.Hour)}})
	var err error
	if m.tracker, err = metrics.NewTracker(metrics.TrackerConfig{Lanes: clients, Capacity: 1 << 18}); err != nil {
		t.Fatal(err)
	}
	for i := range clients {
		s, err := m.e.Session(uint32(i))
		if err != nil {
			t.Fatal(err)
		}
		m.all.Go(func() { m.client(t, s, m.set.Worker(i), m.tracker.Lane(i)) })
	}
	m.unsampled = sampled(m.tracker, m.e) // in every slice alike: so lanes never fill up
	return m
}

// client commits until the run is over.
func (m *measured) client(t *testing.T, s *engine.Session, rec *metrics.Recorder, lane *metrics.Lane) {
	body := make([]byte, redo.BodySize(256))
	was, now := uint32(0), int64(0)
	rng := rand.NewPCG(rand.Uint64(), 1)
	for !m.over.Load() {
		on := m.on.Load()
		if on&readClock != 0 && was&readClock == 0 {
			now = clock.Now() // the first of the slice: no commit before it was timed
		}
		was = on
		if most := on >> 16; most > 0 {
			n := int64(rng.Uint64() >> 32 * uint64(2*most+1) >> 32)
			start := now
			for range n + 1 {
				if err := s.Commit(body); err != nil {
					t.Error(err)
					return
				}
			}
			now = clock.Now()
			rec.RecordStretch(now, (now-start)/(n+1), n, now-start)
			lane.AckMany(s.End(), start, n+1, (n+1)*256)
			now = clock.Now() // as the one before the timed commit
			continue
		}
		start := now
		if err := s.Commit(body); err != nil {
			t.Error(err)
			return
		}
		if on&readClock != 0 {
			now = clock.Now()
		}
		if on&record != 0 {
			rec.Record(now, now-start)
		}
		if on&ackLane != 0 {
			lane.Ack(s.End(), now, 256)
		}
	}
}

// slice returns the commits a second for a while, after one in which the clients get
// used to what they have been told.
func (m *measured) slice(d time.Duration) float64 {
	time.Sleep(time.Millisecond)
	from, begin := m.e.Watermarks().Reserved, clock.Now()
	time.Sleep(d)
	return float64(m.e.Watermarks().Reserved-from) / 256 / float64(clock.Now()-begin) * 1e9
}

func (m *measured) stop(t *testing.T) {
	t.Helper()
	m.over.Store(true)
	m.all.Wait()
	m.unsampled()
	if err := m.e.Drain(); err != nil {
		t.Fatal(err)
	}
	if err := m.e.Close(); err != nil {
		t.Fatal(err)
	}
}
