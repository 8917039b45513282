package sweep

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield/seeds"
	"flushbench/metrics/result"
	"flushbench/workload/sweep/simdisk"
)

// recordings are disks that replay what real ones were measured to take.
func recordings(t testing.TB) []simdisk.Recording {
	t.Helper()
	all, err := simdisk.Recordings()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// rounds is how many times a disk comes round to its recording's beginning in a round of
// a sweep: in a shorter one it is chance which of its stalls it meets.
const rounds = 12

// heavy are the recordings in which stalls are so rare, or come in such clusters, that
// chance decides it even then, with how many times it takes instead.
var heavy = map[string]float64{"histogram: ext4, fdatasync": 48, "histogram: ext4, fdatasync, beside a server": 48, "in order: ext4, fdatasync": 48}

// length is the time in which a recording is gone through n times.
func length(r *simdisk.Recording, n float64) time.Duration {
	return time.Duration(n * r.Mean() * float64(len(r.Times)) * 1e9)
}

// round simulates a load in a round of its own.
func round(r *simdisk.Recording, load simdisk.Load, times float64, seed uint64) simdisk.Outcome {
	load.Warmup, load.Length = length(r, 1), length(r, times)
	return simdisk.Simulate(r.Disk(), load, rand.New(rand.NewPCG(seed, 6)), 0)
}

// bruteForce is the knee by trying: the rate, to one percent, at which most of up to 11
// rounds keep a limit of the 99th percentile. It knows nothing of neighbouring rates, ends
// or beliefs. One long simulation would be no judge: rare stalls weigh more in it than in
// most rounds, and chance put it up to 5 % off.
func bruteForce(r *simdisk.Recording, load simdisk.Load, times float64, limit int64) float64 {
	const most = 6
	hi := float64(load.GroupMost) / r.Mean()
	lo := hi / 2
	for hi/lo > 1.01 {
		load.Rate = math.Sqrt(lo * hi)
		held, missed := 0, 0
		for seed := uint64(0); held < most && missed < most; seed++ {
			if o := round(r, load, times, seed); o.P99 != nil && *o.P99 <= limit {
				held++
			} else {
				missed++
			}
		}
		if held == most {
			lo = load.Rate
		} else {
			hi = load.Rate
		}
	}
	return math.Sqrt(lo * hi)
}

// TestKneeOfRecordedDisks: on disks that replay recorded flushes with their stalls the
// sweep finds the knee that a long simulation finds by trying, within 5 %.
func TestKneeOfRecordedDisks(t *testing.T) {
	testenv.Long(t, "searches over disks that replay recorded flushes")
	t.Parallel()
	for _, r := range recordings(t) {
		if slices.Contains([]string{"histogram: ext4, fdatasync, a file that grows", "in order: ext4, o_direct+fdatasync", "in order: xfs, fdatasync"}, r.Name) {
			t.Run(r.Name, func(t *testing.T) {
				t.Parallel()
				checkRecorded(t, &r, 1)
			})
		}
	}
}

// TestKneeOfRecordedDisksSoak: all of them, with many seeds.
func TestKneeOfRecordedDisksSoak(t *testing.T) {
	seeds.SoakOnly(t)
	for _, r := range recordings(t) {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			checkRecorded(t, &r, 0, 1, 2, 3, 4)
		})
	}
}

// checkRecorded holds sweeps against brute force. The limit is what three quarters of
// the disk's capacity take.
func checkRecorded(t *testing.T, r *simdisk.Recording, seeds ...uint64) {
	t.Helper()
	times := max(rounds, heavy[r.Name])
	load := simdisk.Load{GroupMost: 2, Poisson: true}
	busy := load
	busy.Rate = 0.75 * float64(load.GroupMost) / r.Mean()
	limit := *round(r, busy, times, 5).P99
	knee := bruteForce(r, load, times, limit)
	for _, seed := range seeds {
		b := bench{name: r.Name, disk: r.Disk(), load: load, knee: knee}
		k := find(t, Options{Objective: Objective{P99: time.Duration(limit)}, Length: length(r, times)}, []bench{b}, seed, 1000*time.Hour).Knee(0)
		t.Logf("%s: %v..%v after %d rounds, by brute force %.0f", r.Name, k.Lo, k.Hi, k.Rounds, knee)
		if math.Abs(k.Lo/knee-1) > 0.05 || math.Abs(k.Hi/knee-1) > 0.05 || k.Lo >= k.Hi || k.Miss != result.MissP99 {
			t.Errorf("%s, seed %d: knee %v..%v; want within 5 %% of %.0f (%+v)", r.Name, seed, k.Lo, k.Hi, knee, k)
		}
	}
}

// TestSaturationOfClustersSoak shows why the point of saturation needs long rounds where stalls
// come in clusters: what such a disk carries in the long run is 2 commits a mean flush, but
// a cluster that ends a round leaves more than the 1 % that it may be short of. In rounds
// of 30 times through the recording 95 % of that hold, in rounds of 8 seldom.
func TestSaturationOfClustersSoak(t *testing.T) {
	seeds.SoakOnly(t)
	for _, r := range recordings(t) {
		if r.Name != "in order: ext4, fdatasync" {
			continue
		}
		load := simdisk.Load{GroupMost: 2, Poisson: true}
		most := float64(load.GroupMost) / r.Mean()
		load.Rate = 0.95 * most
		for _, c := range []struct {
			times float64
			holds bool
		}{{8, false}, {30, true}} {
			held := 0
			const tries = 11
			for seed := range uint64(tries) {
				o := round(&r, load, c.times, seed)
				m := Measured{Point: Point{Rate: load.Rate, Length: length(&r, c.times)}, Commits: o.Commits, Asked: o.Asked, Backlog: o.Backlog}
				if (Objective{}).judge(&m, 0).miss == "" {
					held++
				}
			}
			t.Logf("rounds of %.0f times, %v: %d of %d hold 95 %% of %.0f/s", c.times, length(&r, c.times), held, tries, most)
			if c.holds != (2*held > tries) {
				t.Errorf("rounds of %.0f times: %d of %d hold 95 %%; want most: %v", c.times, held, tries, c.holds)
			}
		}
	}
}
