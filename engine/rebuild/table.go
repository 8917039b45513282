package rebuild

import (
	"bytes"
	"iter"
	"slices"

	"flushbench/engine/binlog"
)

// chunkBytes is about how much memory a chunk of rows takes.
const chunkBytes = 128 << 10

// denseChunks is how many chunks are found by an index; those of larger keys are in a map.
const denseChunks = 1 << 20

// Table is the rebuilt table, in memory: rows of about one length stand beside each other,
// by key. Not safe for concurrent use. The zero value is an empty table.
type Table struct {
	width   int // bytes that a chunk has for each c; 0: no chunk yet
	shift   uint
	dense   []*chunk
	far     map[uint64]*chunk
	rows    uint64
	unknown uint64 // keys below it that the log does not name are not known
}

// chunk holds the rows of 1<<shift keys next to each other.
type chunk struct {
	present []uint64 // bits
	touched []uint64 // the log names the row; nil: none
	k       []int64
	size    []uint16 // of c
	c       []byte
}

// Len is how many rows there are.
func (t *Table) Len() uint64 { return t.rows }

// Partial reports whether there are rows of which nothing is known: see Base.Images.
func (t *Table) Partial() bool { return t.unknown > 0 }

// Known reports whether the table says what there is under a key: a row, or none.
func (t *Table) Known(key uint64) bool { return key >= t.unknown || t.touched(key) }

// Get returns the row of a key. Its C is valid until the table changes.
func (t *Table) Get(key uint64) (r binlog.Row, ok bool) {
	c := t.chunk(key)
	if c == nil {
		return r, false
	}
	i := int(key & (1<<t.shift - 1))
	if c.present[i/64]&(1<<(i%64)) == 0 {
		return r, false
	}
	at := i * t.width
	return binlog.Row{Key: key, K: c.k[i], C: c.c[at : at+int(c.size[i]) : at+t.width]}, true
}

// Put makes the row of a key what is given. len(c) is at most binlog.MaxWidth.
func (t *Table) Put(key uint64, k int64, b []byte) {
	if len(b) > t.width || t.width == 0 {
		t.widen(len(b))
	}
	c := t.chunk(key)
	if c == nil {
		c = t.newChunk(key)
	}
	i := int(key & (1<<t.shift - 1))
	if bit := uint64(1) << (i % 64); c.present[i/64]&bit == 0 {
		c.present[i/64] |= bit
		t.rows++
	}
	c.k[i], c.size[i] = k, uint16(len(b))
	copy(c.c[i*t.width:], b)
}

// SetK changes k of a row. REQUIRES: there is one.
func (t *Table) SetK(key uint64, k int64) {
	t.chunk(key).k[key&(1<<t.shift-1)] = k
}

// Delete removes a row and reports whether there was one.
func (t *Table) Delete(key uint64) bool {
	c := t.chunk(key)
	if c == nil {
		return false
	}
	i := int(key & (1<<t.shift - 1))
	bit := uint64(1) << (i % 64)
	if c.present[i/64]&bit == 0 {
		return false
	}
	c.present[i/64] &^= bit
	t.rows--
	return true
}

// All visits the rows in the order of their keys. A C is valid until the next one.
// The row that is visited may be changed or deleted meanwhile, no other added.
func (t *Table) All() iter.Seq[binlog.Row] { return t.from(0) }

// from is All from a key on.
func (t *Table) from(key uint64) iter.Seq[binlog.Row] {
	return func(yield func(binlog.Row) bool) {
		for n := range t.chunks(key >> t.shift) {
			base := n << t.shift
			for k := max(base, key); k < base+1<<t.shift; k++ {
				if r, ok := t.Get(k); ok && !yield(r) {
					return
				}
			}
		}
	}
}

// chunks visits the numbers of the chunks from n on, in order.
func (t *Table) chunks(n uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := n; i < uint64(len(t.dense)); i++ {
			if t.dense[i] != nil && !yield(i) {
				return
			}
		}
		var far []uint64
		for i := range t.far {
			if i >= n {
				far = append(far, i)
			}
		}
		slices.Sort(far)
		for _, i := range far {
			if !yield(i) {
				return
			}
		}
	}
}

func (t *Table) chunk(key uint64) *chunk {
	n := key >> t.shift
	if n < uint64(len(t.dense)) {
		return t.dense[n]
	}
	return t.far[n]
}

func (t *Table) newChunk(key uint64) *chunk {
	n, rows := key>>t.shift, 1<<t.shift
	c := &chunk{present: make([]uint64, (rows+63)/64), k: make([]int64, rows), size: make([]uint16, rows), c: make([]byte, rows*t.width)}
	if n >= denseChunks {
		if t.far == nil {
			t.far = map[uint64]*chunk{}
		}
		t.far[n] = c
		return c
	}
	for uint64(len(t.dense)) <= n {
		t.dense = append(t.dense, nil)
	}
	t.dense[n] = c
	return c
}

// widen makes room for c of n bytes. It is rare: mostly all are of one length.
func (t *Table) widen(n int) {
	old := *t
	*t = Table{width: max(n, min(2*old.width, binlog.MaxWidth), 1), unknown: old.unknown}
	for rows := chunkBytes / (t.width + 11); 2<<t.shift <= rows && t.shift < 12; t.shift++ {
	}
	for r := range old.All() {
		t.Put(r.Key, r.K, r.C)
	}
	for n := range old.chunks(0) { // rows that were deleted are named, too
		for key := n << old.shift; old.unknown > 0 && key < (n+1)<<old.shift; key++ {
			if old.touched(key) {
				t.touch(key)
			}
		}
	}
}

// touch notes that the log names a row.
func (t *Table) touch(key uint64) {
	c := t.chunk(key)
	if c == nil {
		if t.width == 0 {
			t.widen(0)
		}
		c = t.newChunk(key)
	}
	if c.touched == nil {
		c.touched = make([]uint64, len(c.present))
	}
	i := key & (1<<t.shift - 1)
	c.touched[i/64] |= 1 << (i % 64)
}

// touched reports whether the log names a row.
func (t *Table) touched(key uint64) bool {
	c := t.chunk(key)
	if c == nil || c.touched == nil {
		return false
	}
	i := key & (1<<t.shift - 1)
	return c.touched[i/64]&(1<<(i%64)) != 0
}

// same reports whether two rows are equal.
func same(a, b *binlog.Row) bool { return a.K == b.K && bytes.Equal(a.C, b.C) }
