package vfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// cloner makes the nodes of the disk after a crash. One is used for one crash.
type cloner struct {
	kind    CrashKind
	seed    uint64 // of garbage
	done    map[*memNode]*memNode
	sectors map[*memNode][]pickedSector
	whole   map[*memNode]int // version kept of a size or of a directory
}

type pickedSector struct {
	k    int64
	kept int
}

// choose notes what to keep of every unit.
func (c *cloner) choose(units []unit, kept []int) {
	c.sectors = make(map[*memNode][]pickedSector)
	c.whole = make(map[*memNode]int)
	for i, u := range units {
		if u.sector == sizeUnit {
			c.whole[u.node] = kept[i]
		} else {
			c.sectors[u.node] = append(c.sectors[u.node], pickedSector{u.sector, kept[i]})
		}
	}
}

// clone returns what the crash makes of n.
func (c *cloner) clone(n *memNode) *memNode {
	if n == nil {
		return nil
	}
	if twin, ok := c.done[n]; ok {
		return twin
	}
	twin := &memNode{id: n.id}
	c.done[n] = twin
	switch {
	case n.dir != nil && c.kind == CrashProcess:
		twin.dir = c.sameDir(n.dir)
	case n.dir != nil:
		twin.dir = c.crashedDir(n.dir, c.whole[n])
	case c.kind == CrashProcess:
		c.sameFile(n, twin)
	default:
		c.crashedFile(n, twin)
	}
	return twin
}

// sameDir copies a directory whose kernel lives on: what is unflushed stays so.
func (c *cloner) sameDir(d *memDir) *memDir {
	twin := &memDir{live: c.entries(d.live), dur: c.entries(d.dur)}
	for _, op := range d.pend {
		changes := make([]dirChange, len(op))
		for i, ch := range op {
			changes[i] = dirChange{ch.name, c.clone(ch.node)}
		}
		twin.pend = append(twin.pend, changes)
	}
	return twin
}

// crashedDir is a directory of which the first n operations became durable.
func (c *cloner) crashedDir(d *memDir, n int) *memDir {
	dur := d.dur
	if n > 0 {
		dur = maps.Clone(dur)
		for _, op := range d.pend[:n] {
			applyChanges(dur, op)
		}
	}
	twin := &memDir{live: c.entries(dur)}
	twin.dur = maps.Clone(twin.live)
	return twin
}

func (c *cloner) entries(from map[string]*memNode) map[string]*memNode {
	to := make(map[string]*memNode, len(from))
	for name, n := range from {
		to[name] = c.clone(n)
	}
	return to
}

// sameFile copies a file whose kernel lives on. Of a write in flight the
// picked sectors are there, as unflushed as any.
func (c *cloner) sameFile(n, twin *memNode) {
	twin.size, twin.durSize, twin.durSeq = n.size, n.durSize, n.durSeq
	twin.chunks = slices.Clone(n.chunks)
	for _, s := range c.sectors[n] {
		p := slices.Clone(n.pend[s.k][:s.kept])
		if len(p) == 0 {
			continue
		}
		if last := &p[len(p)-1]; last.inflight {
			last.inflight = false
			twin.size = max(twin.size, last.end)
		}
		if twin.pend == nil {
			twin.pend = make(map[int64][]version, len(n.pend))
		}
		twin.pend[s.k] = p
	}
}

// crashedFile is a file whose kernel is gone: one version of each sector is
// left, and it is durable. The size is the flushed one, or the last one, and
// reaches at least over the written sectors that were kept.
func (c *cloner) crashedFile(n, twin *memNode) {
	twin.durSize = n.durSize
	twin.chunks = slices.Clone(n.chunks)
	reach, size := n.durSize, n.size
	for _, s := range c.sectors[n] {
		p := n.pend[s.k]
		if s.kept == 0 {
			continue
		}
		var v version
		if s.kept == KeepGarbage {
			v = p[len(p)-1]
			v.data = garbage(c.seed, n.id, s.k)
		} else {
			v = p[s.kept-1]
		}
		twin.setDurable(s.k, v)
		reach = max(reach, v.end)
		if v.inflight { // the size does not know its end yet
			size = max(size, v.end)
		}
	}
	if c.whole[n] == 0 {
		size = reach
	}
	twin.size, twin.durSize = size, size
	if size < reach || size%sectorSize != 0 {
		twin.clip(size)
	}
}

// garbage returns a sector that nobody wrote.
func garbage(seed uint64, id int, k int64) *sector {
	rng := rand.New(rand.NewPCG(seed+uint64(id), uint64(k)))
	g := new(sector)
	for i := range g {
		g[i] = byte(rng.Uint64())
	}
	return g
}
