package simdisk

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// recorded.json holds the flush times of real disks, each with where they come from:
// histograms of results that are kept in results/, as "value:count" with the value in
// tenths of a microsecond, and times one after the other in the same unit.
//
//go:embed testdata/recorded.json
var recordedJSON []byte

// Recording is how long the flushes of a real disk took.
type Recording struct {
	Name   string
	Origin string // what measured it, where and beside what
	// Times are at least one. InOrder says that they follow each other as they were
	// measured, stalls and what comes after them included; else only how often each
	// occurred is known, and they rise.
	Times   []time.Duration
	InOrder bool
}

// Recordings returns all that there are. An error means that the file was damaged.
func Recordings() ([]Recording, error) {
	var file []struct{ Name, Origin, Counts, Times string }
	if err := json.Unmarshal(recordedJSON, &file); err != nil {
		return nil, fmt.Errorf("simdisk: recorded.json: %w", err)
	}
	all := make([]Recording, 0, len(file))
	for _, f := range file {
		r := Recording{Name: f.Name, Origin: f.Origin, InOrder: f.Times != ""}
		for word := range strings.FieldsSeq(f.Times + f.Counts) {
			value, times, counted := strings.Cut(word, ":")
			n := 1
			tenths, err := strconv.Atoi(value)
			if err == nil && counted {
				n, err = strconv.Atoi(times)
			}
			if err != nil || tenths <= 0 || n <= 0 {
				return nil, fmt.Errorf("simdisk: recorded.json: %s: %q is no flush time", f.Name, word)
			}
			for range n {
				r.Times = append(r.Times, time.Duration(tenths)*time.Microsecond/10)
			}
		}
		if len(r.Times) == 0 {
			return nil, fmt.Errorf("simdisk: recorded.json: %s: no flush times", f.Name)
		}
		all = append(all, r)
	}
	return all, nil
}

// Disk is a disk that takes what was recorded: in its order, from a place by chance on
// and over again, or drawn.
func (r *Recording) Disk() Disk {
	if r.InOrder {
		return &inOrder{times: r.Times, next: -1}
	}
	return Replay{Times: r.Times}
}

// Mean is the mean time of a flush in seconds.
func (r *Recording) Mean() float64 { return Replay{Times: r.Times}.Mean() }

// inOrder replays times one after the other. NB: it has a memory; use one for one series.
type inOrder struct {
	times []time.Duration
	next  int // negative: it has not begun
}

// Flush implements Disk.
func (d *inOrder) Flush(rng *rand.Rand, _ float64, _ int) float64 {
	if d.next < 0 {
		d.next = rng.IntN(len(d.times))
	}
	t := d.times[d.next]
	d.next = (d.next + 1) % len(d.times)
	return t.Seconds()
}

// Costly adds what a server needs beside the flush: a time for each group and one for
// each commit in it.
type Costly struct {
	Disk
	Group, Commit time.Duration
}

// Flush implements Disk.
func (d Costly) Flush(rng *rand.Rand, now float64, commits int) float64 {
	return d.Disk.Flush(rng, now, commits) + d.Group.Seconds() + float64(commits)*d.Commit.Seconds()
}
