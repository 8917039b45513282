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

// length is the time in which a recording is gone through n times.
func length(r *simdisk.Recording, n float64) time.Duration {
	return time.Duration(n * r.Mean() * float64(len(r.Times)) * 1e9)
}

// long simulates a load for so long that chance hardly counts.
func long(r *simdisk.Recording, load simdisk.Load) simdisk.Outcome {
	load.Warmup, load.Length = length(r, 1), length(r, 2*rounds)
	return simdisk.Simulate(r.Disk(), load, rand.New(rand.NewPCG(5, 6)), 0)
}

// bruteForce is the knee by trying: the highest rate, to half a percent, at which the
// 99th percentile of a long simulation keeps a limit. It knows nothing of rounds,
// ends or beliefs.
func bruteForce(r *simdisk.Recording, load simdisk.Load, limit int64) float64 {
	hi := float64(load.GroupMost) / r.Mean()
	lo := hi / 4
	for hi/lo > 1.005 {
		load.Rate = math.Sqrt(lo * hi)
		if o := long(r, load); o.P99 != nil && *o.P99 <= limit {
			lo = load.Rate
		} else {
			hi = load.Rate
		}
	}
	return lo
}

// TestKneeOfRecordedDisks: on disks that replay recorded flushes with their stalls the
// sweep finds the knee that a long simulation finds by trying, within 5 %.
func TestKneeOfRecordedDisks(t *testing.T) {
	testenv.Long(t, "searches over disks that replay recorded flushes")
	for _, r := range recordings(t) {
		if slices.Contains([]string{"histogram: ext4, fdatasync, a file that grows", "in order: ext4, o_direct+fdatasync", "in order: xfs, fdatasync"}, r.Name) {
			checkRecorded(t, &r, 1)
		}
	}
}

// TestKneeOfRecordedDisksSoak: all of them, with many seeds.
func TestKneeOfRecordedDisksSoak(t *testing.T) {
	seeds.SoakOnly(t)
	for _, r := range recordings(t) {
		for seed := range uint64(5) {
			checkRecorded(t, &r, seed)
		}
	}
}

// checkRecorded holds a sweep against brute force. The limit is what three quarters of
// the disk's capacity take.
func checkRecorded(t *testing.T, r *simdisk.Recording, seed uint64) {
	t.Helper()
	load := simdisk.Load{GroupMost: 2, Poisson: true}
	busy := load
	busy.Rate = 0.75 * float64(load.GroupMost) / r.Mean()
	limit := *long(r, busy).P99
	b := bench{name: r.Name, disk: r.Disk(), load: load, knee: bruteForce(r, load, limit)}
	k := find(t, Options{Objective: Objective{P99: time.Duration(limit)}, Length: length(r, rounds)}, []bench{b}, seed, 1000*time.Hour).Knee(0)
	t.Logf("%s: %v..%v after %d rounds, by brute force %.0f", r.Name, k.Lo, k.Hi, k.Rounds, b.knee)
	if math.Abs(k.Lo/b.knee-1) > 0.05 || math.Abs(k.Hi/b.knee-1) > 0.05 || k.Lo >= k.Hi || k.Miss != result.MissP99 {
		t.Errorf("%s, seed %d: knee %v..%v; want within 5 %% of %.0f (%+v)", r.Name, seed, k.Lo, k.Hi, b.knee, k)
	}
}
