package vfs

import (
	"bytes"
	"maps"
	"slices"
)

// Sizes of Mem's device, in bytes: a sector is written whole or not at all, a
// block is what the file system maps.
const (
	sectorSize      = 512
	blockSize       = 4096
	sectorsPerBlock = blockSize / sectorSize
	chunkSectors    = 64
)

// sector is one version of 512 bytes. Immutable once made, so that disks
// before and after a crash share it. Zeros are nil, always: a file that is filled with
// them, as logs are, takes no memory for it.
type sector [sectorSize]byte

// zeros is what nil stands for.
var zeros sector

// with returns s with bytes b at off.
func (s *sector) with(b []byte, off int64) *sector {
	blank := bytes.Equal(b, zeros[:len(b)])
	if blank && (s == nil || len(b) == sectorSize) {
		return nil
	}
	fresh := new(sector)
	if s != nil {
		*fresh = *s
	}
	copy(fresh[off:], b)
	if blank && *fresh == zeros {
		return nil
	}
	return fresh
}

// cut returns s with zeros from off on.
func (s *sector) cut(off int64) *sector { return s.with(zeros[off:], off) }

// version is one unflushed version of a sector.
type version struct {
	data     *sector
	seq      uint64 // position in the disk's history
	end      int64  // the file reaches at least this far with it; 0: it was cut off
	direct   bool   // past the page cache, in the device's cache
	lost     bool   // a flush failed on it: marked clean, so no later flush moves it
	inflight bool   // the write was under way when the disk stopped
}

// chunk holds the durable versions of 64 sectors. Nodes of the disks before
// and after a crash share chunks; only the owner may change one.
type chunk struct {
	owner *memNode
	s     [chunkSectors]*sector
	// Bit b: block b of the chunk is allocated, written and flushed, and was
	// not cut off since. INVARIANT: such a block begins below durSize.
	mapped uint8
}

// memNode is a file or a directory of a Mem. Guarded by Mem.mu.
//
// INVARIANT: what a reader sees of a sector is its last pending version, or
// the durable one when nothing is pending.
type memNode struct {
	id  int // creation order: gives units a fixed order
	dir *memDir

	size    int64  // as every reader sees it
	durSize int64  // as the last flush left it
	durSeq  uint64 // position of the last write-through that grew durSize
	chunks  []*chunk
	pend    map[int64][]version // by sector number, in write order
}

// memDir is the directory part of a node.
type memDir struct {
	live map[string]*memNode
	dur  map[string]*memNode
	pend [][]dirChange // unflushed operations, oldest first; one crash keeps a prefix
}

// dirChange sets one name, or removes it when node is nil.
type dirChange struct {
	name string
	node *memNode
}

func applyChanges(entries map[string]*memNode, op []dirChange) {
	for _, c := range op {
		if c.node == nil {
			delete(entries, c.name)
		} else {
			entries[c.name] = c.node
		}
	}
}

// change applies op to the live entries and remembers it for SyncDir.
func (d *memDir) change(op ...dirChange) {
	applyChanges(d.live, op)
	d.pend = append(d.pend, op)
}

// flush makes the first n pending operations durable.
func (d *memDir) flush(n int) {
	for _, op := range d.pend[:n] {
		applyChanges(d.dur, op)
	}
	d.pend = slices.Clone(d.pend[n:])
}

// durable returns the durable version of sector k.
func (n *memNode) durable(k int64) *sector {
	if c := k / chunkSectors; c < int64(len(n.chunks)) && n.chunks[c] != nil {
		return n.chunks[c].s[k%chunkSectors]
	}
	return nil
}

// view returns sector k as a reader sees it.
func (n *memNode) view(k int64) *sector {
	if p := n.pend[k]; len(p) > 0 {
		return p[len(p)-1].data
	}
	return n.durable(k)
}

// mapped reports whether the block of sector k can be read after a crash
// without any change of metadata.
func (n *memNode) mapped(k int64) bool {
	c := k / chunkSectors
	if c >= int64(len(n.chunks)) || n.chunks[c] == nil {
		return false
	}
	return n.chunks[c].mapped&(1<<(k%chunkSectors/sectorsPerBlock)) != 0
}

// own returns the chunk of sector k for writing.
func (n *memNode) own(k int64) *chunk {
	c := int(k / chunkSectors)
	if c >= len(n.chunks) {
		n.chunks = append(n.chunks, make([]*chunk, c+1-len(n.chunks))...)
	}
	switch old := n.chunks[c]; {
	case old == nil:
		n.chunks[c] = &chunk{owner: n}
	case old.owner != n:
		fresh := *old
		fresh.owner = n
		n.chunks[c] = &fresh
	}
	return n.chunks[c]
}

// setDurable makes v the durable version of sector k; written data maps the
// sector's block.
func (n *memNode) setDurable(k int64, v version) {
	c := n.own(k)
	c.s[k%chunkSectors] = v.data
	if v.end > 0 {
		c.mapped |= 1 << (k % chunkSectors / sectorsPerBlock)
	}
}

// promote makes the last version of sector k up to seq durable, unless it was
// lost, and forgets it and those before.
func (n *memNode) promote(k int64, seq uint64) {
	p := n.pend[k]
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].seq > seq || p[i].lost {
			continue
		}
		n.setDurable(k, p[i])
		if i == len(p)-1 {
			delete(n.pend, k)
		} else {
			n.pend[k] = slices.Clone(p[i+1:])
		}
		return
	}
}

// keptPend is how many sectors may have been written for the map of them to be used
// again: a map never shrinks, and the next flush looks at all of its room.
const keptPend = 64

// promoteAll is what a completed flush does: every version up to seq, and the
// size as it was then (or what a later write-through made of it).
func (n *memNode) promoteAll(seq uint64, size int64) {
	many := len(n.pend) > keptPend
	for k := range n.pend {
		n.promote(k, seq)
	}
	if many && len(n.pend) == 0 {
		n.pend = nil
	}
	if n.durSeq > seq {
		size = max(size, n.durSize)
	}
	shrunk := size < n.durSize
	n.durSize = size
	if shrunk {
		n.clip(size)
	}
}

// promoteRange is what a write-through write of [off, off+len) does, right
// after write: these sectors, and the size if it grew.
func (n *memNode) promoteRange(off, length int64, seq uint64) {
	for k := off / sectorSize; k*sectorSize < off+length; k++ {
		n.promote(k, seq)
	}
	if off+length > n.durSize {
		n.durSize, n.durSeq = off+length, seq
	}
}

// clip zeroes the durable bytes beyond size, so that a later extension reads
// zeros.
func (n *memNode) clip(size int64) {
	if tail, k := size%sectorSize, size/sectorSize; tail != 0 && n.durable(k) != nil {
		n.own(k).s[k%chunkSectors] = n.durable(k).cut(tail)
	}
	for k := (size + sectorSize - 1) / sectorSize; k < int64(len(n.chunks))*chunkSectors; k++ {
		if n.durable(k) != nil {
			n.own(k).s[k%chunkSectors] = nil
		}
	}
	n.unmap(size)
}

// unmap marks the blocks that lie wholly beyond size as not mapped.
func (n *memNode) unmap(size int64) {
	for b := (size + blockSize - 1) / blockSize; b*sectorsPerBlock < int64(len(n.chunks))*chunkSectors; b++ {
		k := b * sectorsPerBlock
		bit := uint8(1) << (k % chunkSectors / sectorsPerBlock)
		if c := n.chunks[k/chunkSectors]; c != nil && c.mapped&bit != 0 {
			n.own(k).mapped &^= bit
		}
	}
}

// read copies what a reader sees at off into p and returns how much there is.
func (n *memNode) read(p []byte, off int64) int {
	if off >= n.size {
		return 0
	}
	p = p[:min(int64(len(p)), n.size-off)]
	for done := 0; done < len(p); {
		at := off + int64(done)
		part := p[done:min(len(p), done+int(sectorSize-at%sectorSize))]
		if s := n.view(at / sectorSize); s != nil {
			copy(part, s[at%sectorSize:])
		} else {
			clear(part)
		}
		done += len(part)
	}
	return len(p)
}

// maxVersions bounds the unflushed versions kept of one sector: at the limit
// the oldest goes, and with it only some of the states that a crash may leave.
const maxVersions = 64

// write appends a version of every sector that p touches at off. With trim it
// may drop the oldest version (REQUIRES: no flush is between its start and its
// effect). v gives all fields but data and end.
func (n *memNode) write(p []byte, off int64, v version, trim bool) {
	for done := 0; done < len(p); {
		at := off + int64(done)
		part := p[done:min(len(p), done+int(sectorSize-at%sectorSize))]
		k := at / sectorSize
		v.data, v.end = n.view(k).with(part, at%sectorSize), at+int64(len(part))
		done += len(part)
		if p := n.pend[k]; len(p) > 0 {
			v.end = max(v.end, p[len(p)-1].end)
		}
		n.push(k, v, trim)
	}
}

func (n *memNode) push(k int64, v version, trim bool) {
	if n.pend == nil {
		n.pend = make(map[int64][]version)
	}
	p := n.pend[k]
	if trim && len(p) >= maxVersions {
		p = slices.Delete(p, 0, 1)
	}
	n.pend[k] = append(p, v)
}

// truncate changes the size. What is cut off gets a pending version of zeros:
// until a flush the crash may bring back all, some or none of it.
func (n *memNode) truncate(size int64, v version) {
	old := n.size
	n.size = size
	if size >= old {
		return
	}
	n.unmap(size) // a later write there needs metadata, whatever is durable now
	if tail, k := size%sectorSize, size/sectorSize; tail != 0 && n.holds(k) {
		v.data, v.end = n.view(k).cut(tail), size
		n.push(k, v, false)
	}
	v.data, v.end = nil, 0
	for k := (size + sectorSize - 1) / sectorSize; k*sectorSize < old; k++ {
		if n.holds(k) {
			n.push(k, v, false)
		}
	}
}

// holds reports whether there is anything in sector k that truncate takes away: bytes
// that are not zero, or an unflushed write, be it of zeros.
func (n *memNode) holds(k int64) bool {
	if p := n.pend[k]; len(p) > 0 {
		return p[len(p)-1].data != nil || p[len(p)-1].end > 0
	}
	return n.durable(k) != nil
}

// sortedKeys returns the keys of m in ascending order.
func sortedKeys[K int64 | string, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
