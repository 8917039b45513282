package vfs

import (
	"fmt"
	"slices"
	"time"
)

// The functions below make a Latency.Func: simulated disks that are made of another
// one. All of them are pure, so that flush n takes the same time in every run, and
// safe for concurrent use.

// Replay returns a disk whose flushes take the times of a recorded series, in an
// order that the seed draws. times must not be empty; they are copied.
func Replay(times []time.Duration, seed uint64) (func(n uint64) time.Duration, error) {
	if len(times) == 0 {
		return nil, fmt.Errorf("vfs: replay: no flush times: at least one is needed")
	}
	own := slices.Clone(times)
	return func(n uint64) time.Duration { return own[mix(seed, n)%uint64(len(own))] }, nil
}

// Stalling makes one of so many flushes of a disk, drawn by the seed, take a stall
// longer. every must be at least 1.
func Stalling(disk func(n uint64) time.Duration, every uint64, stall time.Duration, seed uint64) func(n uint64) time.Duration {
	return func(n uint64) time.Duration {
		t := disk(n)
		if mix(^seed, n)%max(every, 1) == 0 {
			t += stall
		}
		return t
	}
}

// Bursting returns a disk that is fast for its first credit flushes and slow from
// then on, as a volume whose burst credit is spent and a drive whose fast cache is
// full.
func Bursting(credit uint64, fast, slow time.Duration) func(n uint64) time.Duration {
	return func(n uint64) time.Duration {
		if n < credit {
			return fast
		}
		return slow
	}
}

// mix is SplitMix64 of a seed and a number: as good as random.
func mix(seed, n uint64) uint64 {
	z := seed + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
