package vfs

import (
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
)

// unit is one thing that a crash decides about on its own: a sector, a file's
// size (sector < 0), or the operations of a directory.
type unit struct {
	node   *memNode
	sector int64
}

const sizeUnit = -1

// Unflushed returns the number of units with unflushed versions: sectors
// first of all, and one for each file whose size and each directory whose
// entries were changed since their last flush. Units are numbered from 0 in a
// fixed order: by creation of the file or directory, then by sector, then size.
func (m *Mem) Unflushed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.unitsLocked())
}

// unitsLocked lists the units of everything that a path can reach, now or
// after a crash. A stopped disk does not change: its list is kept.
func (m *Mem) unitsLocked() []unit {
	if m.units != nil {
		return m.units
	}
	nodes := map[int]*memNode{}
	collect(m.root, nodes)
	units := []unit{}
	for _, id := range slices.Sorted(maps.Keys(nodes)) {
		n := nodes[id]
		for _, k := range sortedKeys(n.pend) {
			units = append(units, unit{n, k})
		}
		if n.size != n.durSize || (n.dir != nil && len(n.dir.pend) > 0) {
			units = append(units, unit{n, sizeUnit})
		}
	}
	if m.crashed {
		m.units = units
	}
	return units
}

// collect adds n and all below it, in every version of each directory.
func collect(n *memNode, into map[int]*memNode) {
	if _, ok := into[n.id]; ok {
		return
	}
	into[n.id] = n
	if n.dir == nil {
		return
	}
	for _, c := range n.dir.live {
		collect(c, into)
	}
	for _, c := range n.dir.dur {
		collect(c, into)
	}
	for _, op := range n.dir.pend {
		for _, c := range op {
			if c.node != nil {
				collect(c.node, into)
			}
		}
	}
}

// bounds returns the oldest and the newest version of u that a crash can
// leave, counted as Keep does.
func (u unit) bounds(kind CrashKind, torn bool) (lo, hi int) {
	switch {
	case u.node.dir != nil:
		hi = len(u.node.dir.pend)
	case u.sector == sizeUnit:
		hi = 1
	default:
		return sectorBounds(u.node, u.sector, kind, torn)
	}
	if kind == CrashProcess {
		lo = hi
	}
	return lo, hi
}

func sectorBounds(n *memNode, k int64, kind CrashKind, torn bool) (lo, hi int) {
	p := n.pend[k]
	done := len(p) // the completed versions come first
	for done > 0 && p[done-1].inflight {
		done--
	}
	hi = done
	if torn {
		hi = len(p)
	}
	switch kind {
	case CrashProcess:
		lo = done
	case CrashOS:
		// An overwrite of a mapped block is in the device, reachable without
		// any metadata: the device outlives the kernel.
		for i := done; i > 0 && lo == 0 && n.mapped(k); i-- {
			if p[i-1].direct && !p[i-1].lost {
				lo = i
			}
		}
	}
	return lo, hi
}

// Choices returns the units that a crash of this kind leaves open, with what
// Keep can answer for each: the product of (Hi-Lo+1) is the number of disks
// that the crash can leave (without Garbage).
func (m *Mem) Choices(kind CrashKind, torn bool) []Choice {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []Choice
	for i, u := range m.unitsLocked() {
		if lo, hi := u.bounds(kind, torn); lo < hi {
			open = append(open, Choice{i, lo, hi})
		}
	}
	return open
}

// CrashWith is Crash with nothing torn and every choice made by keep.
func (m *Mem) CrashWith(kind CrashKind, keep func(i int) int) *Mem {
	return m.Crash(kind, CrashOptions{Keep: keep})
}

// Crash stops m, if it has not stopped, and returns the disk that is found
// afterwards: a new Mem with no events and no limit. m stays as it was at the
// crash and can be crashed again in another way; the cost is a few pointers a
// file and the unflushed sectors.
func (m *Mem) Crash(kind CrashKind, opts CrashOptions) *Mem {
	m.mu.Lock()
	m.crashed = true
	units := m.unitsLocked()
	m.mu.Unlock() // from here on nothing changes m
	rng := rand.New(rand.NewPCG(opts.Seed, 0x6d656d))
	kept := make([]int, len(units))
	var open []int // sectors that may be garbage
	for i, u := range units {
		lo, hi := u.bounds(kind, opts.Torn)
		kept[i] = hi
		if lo == hi {
			continue
		}
		if u.sector != sizeUnit {
			open = append(open, i)
		}
		if opts.Keep == nil {
			kept[i] = lo + rng.IntN(hi-lo+1)
			continue
		}
		switch k := opts.Keep(i); {
		case k == KeepGarbage && kind == CrashPower && u.sector != sizeUnit:
			kept[i] = KeepGarbage
		case k >= 0:
			kept[i] = min(max(k, lo), hi)
		}
	}
	if opts.Garbage && kind == CrashPower && len(open) > 0 {
		kept[open[rng.IntN(len(open))]] = KeepGarbage
	}
	c := cloner{kind: kind, done: map[*memNode]*memNode{}, seed: opts.Seed}
	c.choose(units, kept)
	after := &Mem{stopAfter: -1, nextID: m.nextID, seq: m.seq}
	after.root = c.clone(m.root)
	return after
}

// Crashes yields the disks that a crash can leave: every one when there are at
// most limit, else the one that keeps least, the one that keeps most, and as
// many drawn from seed as make up limit. Like Crash it stops m.
func (m *Mem) Crashes(kind CrashKind, torn bool, limit int, seed uint64) iter.Seq[*Mem] {
	return func(yield func(*Mem) bool) {
		open := m.Choices(kind, torn)
		pick := make(map[int]int, len(open))
		total := 1
		for _, c := range open {
			pick[c.Unit] = c.Lo
			if total <= limit {
				total *= c.Hi - c.Lo + 1
			}
		}
		opts := CrashOptions{Torn: torn, Keep: func(i int) int { return pick[i] }}
		if total <= limit {
			for range total {
				if !yield(m.Crash(kind, opts)) {
					return
				}
				for _, c := range open { // count up, least significant first
					if pick[c.Unit]++; pick[c.Unit] <= c.Hi {
						break
					}
					pick[c.Unit] = c.Lo
				}
			}
			return
		}
		rng := rand.New(rand.NewPCG(seed, uint64(kind)))
		for n := range limit {
			for _, c := range open {
				switch n {
				case 0:
					pick[c.Unit] = c.Lo
				case 1:
					pick[c.Unit] = c.Hi
				default:
					pick[c.Unit] = c.Lo + rng.IntN(c.Hi-c.Lo+1)
				}
			}
			if !yield(m.Crash(kind, opts)) {
				return
			}
		}
	}
}
