package simdisk

import (
	"math"
	"math/rand/v2"
	"time"
)

// Disk says how long a flush takes.
type Disk interface {
	// Flush returns the time of a flush of so many commits that begins at now, in
	// seconds since the disk was new.
	Flush(rng *rand.Rand, now float64, commits int) float64
}

// Serial takes the same time for every flush.
type Serial struct{ Time time.Duration }

// Flush implements Disk.
func (d Serial) Flush(*rand.Rand, float64, int) float64 { return d.Time.Seconds() }

// Bandwidth takes so long as its bytes need, and Time beside.
type Bandwidth struct {
	BytesPerSecond float64
	RecordBytes    float64 // of a commit
	Time           time.Duration
}

// Flush implements Disk.
func (d Bandwidth) Flush(_ *rand.Rand, _ float64, commits int) float64 {
	return d.Time.Seconds() + float64(commits)*d.RecordBytes/d.BytesPerSecond
}

// Replay draws from flush times that were recorded. A Stall share of them takes
// StallTime instead.
type Replay struct {
	Times     []time.Duration // sorted or not; at least one
	Stall     float64         // 0 to 1
	StallTime time.Duration
}

// Flush implements Disk.
func (d Replay) Flush(rng *rand.Rand, _ float64, _ int) float64 {
	if d.Stall > 0 && rng.Float64() < d.Stall {
		return d.StallTime.Seconds()
	}
	return d.Times[rng.IntN(len(d.Times))].Seconds()
}

// Mean is the mean time of a flush in seconds.
func (d Replay) Mean() float64 {
	var sum float64
	for _, t := range d.Times {
		sum += t.Seconds()
	}
	return (1-d.Stall)*sum/float64(len(d.Times)) + d.Stall*d.StallTime.Seconds()
}

// Burstable is a volume that is fast until its credit is spent: a flush costs one
// credit, and Refill come back a second. Then each flush waits for its own.
type Burstable struct {
	Time   time.Duration // of a flush with credit
	Credit float64       // flushes
	Refill float64       // flushes a second, above 0

	spent, last float64
}

// Flush implements Disk. NB: the volume has a memory; use one for one series.
func (d *Burstable) Flush(_ *rand.Rand, now float64, _ int) float64 {
	d.spent = math.Max(0, d.spent-(now-d.last)*d.Refill)
	d.last = now
	d.spent++
	if over := d.spent - d.Credit; over > 0 {
		return math.Max(d.Time.Seconds(), over/d.Refill)
	}
	return d.Time.Seconds()
}

// Noisy makes the times of another disk vary: by a log-normal factor of median 1.
type Noisy struct {
	Disk
	Sigma float64
}

// Flush implements Disk.
func (d Noisy) Flush(rng *rand.Rand, now float64, commits int) float64 {
	return d.Disk.Flush(rng, now, commits) * math.Exp(d.Sigma*rng.NormFloat64())
}

// percentile is the value that the share q does not exceed; nil with fewer than 10
// samples above it. It reorders ns.
func percentile(ns []int64, q float64) *int64 {
	n := len(ns)
	rank := max(int(math.Ceil(q*float64(n))), 1)
	if n-rank < 10 {
		return nil
	}
	v := nth(ns, rank-1)
	return &v
}

// nth is the value that would be at index k if ns were sorted (Hoare's quickselect). It
// reorders ns.
func nth(ns []int64, k int) int64 {
	lo, hi := 0, len(ns)-1
	for lo < hi {
		pivot := max(min(ns[lo], ns[hi]), min(max(ns[lo], ns[hi]), ns[lo+(hi-lo)/2])) // the median of the three
		i, j := lo, hi
		for i <= j {
			for ns[i] < pivot {
				i++
			}
			for ns[j] > pivot {
				j--
			}
			if i <= j {
				ns[i], ns[j] = ns[j], ns[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return ns[k]
		}
	}
	return ns[k]
}
