package vfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"flushbench/engine/vfs"
	"pgregory.net/rapid"
)

// model is the plain version of one file on a Mem: every sector is a list of
// all that it may still turn out to be, and nothing is shared or lazy.
type model struct {
	size, durSize int
	cands         [][]candidate // by sector; [0] is the durable one
	mapped        []bool        // by block: written, flushed, not cut off since
}

type candidate struct {
	data   []byte // nil: zeros
	end    int
	direct bool
}

const (
	modelBlocks = 4
	modelBytes  = modelBlocks * 4096
)

func newModel() *model {
	return &model{cands: slices.Repeat([][]candidate{{{}}}, modelBytes/512), mapped: make([]bool, modelBlocks)}
}

func (m *model) last(k int) candidate { return m.cands[k][len(m.cands[k])-1] }

func (m *model) view() []byte {
	var all []byte
	for k := range m.cands {
		all = append(all, zeroed(m.last(k).data)...)
	}
	return all[:m.size]
}

func zeroed(p []byte) []byte { return append(bytes.Clone(p), make([]byte, 512-len(p))...) }

func (m *model) write(p []byte, off int, direct, through bool) {
	for i := 0; i < len(p); {
		k, at := (off+i)/512, (off+i)%512
		data := zeroed(m.last(k).data)
		n := copy(data[at:], p[i:])
		i += n
		end := off + i
		if len(m.cands[k]) > 1 {
			end = max(end, m.last(k).end)
		}
		m.cands[k] = append(slices.Clone(m.cands[k]), candidate{data, end, direct})
		if through {
			m.settle(k)
		}
	}
	if len(p) > 0 {
		m.size = max(m.size, off+len(p))
		if through {
			m.durSize = max(m.durSize, off+len(p))
		}
	}
}

// settle makes the newest candidate of sector k the durable one.
func (m *model) settle(k int) {
	if c := m.last(k); len(m.cands[k]) > 1 {
		m.cands[k] = []candidate{c}
		m.mapped[k/8] = m.mapped[k/8] || c.end > 0
	}
}

func (m *model) flush() {
	for k := range m.cands {
		m.settle(k)
	}
	m.durSize = m.size
	m.limit(m.size)
}

// limit unmaps the blocks wholly beyond size.
func (m *model) limit(size int) {
	for b := range m.mapped {
		m.mapped[b] = m.mapped[b] && b*4096 < size
	}
}

func (m *model) truncate(size int) {
	if size < m.size {
		m.limit(size)
		for k := range m.cands {
			c := m.last(k)
			if !m.holds(k) || (k+1)*512 <= size {
				continue
			}
			cut := candidate{}
			if k*512 < size {
				cut = candidate{data: zeroed(zeroed(c.data)[:size-k*512]), end: size}
			} else if k*512 >= m.size {
				continue
			}
			m.cands[k] = append(slices.Clone(m.cands[k]), cut)
		}
	}
	m.size = size
}

// holds reports whether truncate takes anything away from sector k.
func (m *model) holds(k int) bool {
	c := m.last(k)
	if len(m.cands[k]) > 1 {
		return c.data != nil || c.end > 0
	}
	return !bytes.Equal(zeroed(c.data), make([]byte, 512))
}

// pending lists the units as Mem numbers them; -1 is the size.
func (m *model) pending() (units []int) {
	for k, c := range m.cands {
		if len(c) > 1 {
			units = append(units, k)
		}
	}
	if m.size != m.durSize {
		units = append(units, -1)
	}
	return units
}

// floor is the oldest candidate of sector k that the crash can leave.
func (m *model) floor(kind vfs.CrashKind, k int) int {
	b := k / 8
	if kind == vfs.CrashOS && m.mapped[b] && b*4096 < m.durSize {
		for i := len(m.cands[k]) - 1; i > 0; i-- {
			if m.cands[k][i].direct {
				return i
			}
		}
	}
	return 0
}

// crash picks candidates and makes the model that of the disk afterwards.
func (m *model) crash(kind vfs.CrashKind, pick func(unit int) int) *model {
	after := newModel()
	copy(after.mapped, m.mapped)
	reach, size := m.durSize, -1
	unit := 0
	for k, cands := range m.cands {
		i := 0
		if len(cands) > 1 {
			if i = pick(unit); i < 0 {
				i = len(cands) - 1
			}
			i = min(max(i, m.floor(kind, k)), len(cands)-1)
			unit++
		}
		after.cands[k] = []candidate{{data: cands[i].data}}
		if i > 0 {
			reach = max(reach, cands[i].end)
			after.mapped[k/8] = after.mapped[k/8] || cands[i].end > 0
		}
	}
	if m.size != m.durSize && pick(unit) != 0 {
		size = m.size
	}
	if size < 0 {
		size = reach
	}
	after.size, after.durSize = size, size
	if size < reach || size%512 != 0 { // what lies beyond must not come back
		after.limit(size)
		for k, c := range after.cands {
			switch data := c[0].data; {
			case data == nil || (k+1)*512 <= size:
			case k*512 >= size:
				after.cands[k] = []candidate{{}}
			default:
				after.cands[k] = []candidate{{data: zeroed(data[:size-k*512])}}
			}
		}
	}
	return after
}

// TestMemAgainstModel drives a disk and the model through random histories
// with crashes, and compares what is left each time.
func TestMemAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		disk, want := vfs.NewMem(), newModel()
		if _, err := disk.Create("log", vfs.None); err != nil {
			t.Fatal(err)
		}
		if err := disk.SyncDir("/"); err != nil {
			t.Fatal(err)
		}
		stamp := byte(0)
		for range rapid.IntRange(1, 4).Draw(t, "lives") {
			for range rapid.IntRange(0, 12).Draw(t, "steps") {
				stamp++
				step(t, disk, want, stamp)
				if got := contentsOf(t, disk); !bytes.Equal(got, want.view()) {
					t.Fatalf("a reader sees other bytes than were written: %d and %d long", len(got), len(want.view()))
				}
			}
			if got := disk.Unflushed(); got != len(want.pending()) {
				t.Fatalf("Unflushed() = %d; want %d: %v", got, len(want.pending()), want.pending())
			}
			var next *vfs.Mem
			var model *model
			for _, kind := range vfs.CrashKinds.All() {
				for _, c := range []struct {
					name string
					keep func(int) int
				}{
					{"worst", keepOldest}, {"best", keepNewest}, {"mixed", mixture(rapid.Uint64().Draw(t, "mixture"))},
				} {
					name, keep := c.name, c.keep
					left, expect := disk.CrashWith(kind, keep), want
					if kind != vfs.CrashProcess {
						expect = want.crash(kind, keep)
					}
					if got := contentsOf(t, left); !bytes.Equal(got, expect.view()) {
						t.Fatalf("%s crash, %s: %d bytes are left, want %d; first difference at %d",
							kind, name, len(got), len(expect.view()), firstDifference(got, expect.view()))
					}
					if name == "mixed" && (next == nil || rapid.Bool().Draw(t, "go on with "+kind.String())) {
						next, model = left, expect
					}
				}
			}
			disk, want = next, model
		}
	})
}

// mixture answers Keep by bits of seed.
func mixture(seed uint64) func(int) int {
	return func(i int) int { return int(seed>>(2*i%63)) & 3 }
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func contentsOf(t *rapid.T, m *vfs.Mem) []byte {
	f, err := m.OpenRead("log")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, modelBytes)
	n, _ := f.ReadAt(p, 0)
	return p[:n]
}

// step does one random operation on both.
func step(t *rapid.T, disk *vfs.Mem, want *model, stamp byte) {
	method := rapid.SampledFrom(vfs.Methods.All()).Draw(t, "method")
	f, err := disk.Open("log", method)
	if err != nil {
		t.Fatal(err)
	}
	off, n := rapid.IntRange(0, modelBytes-1).Draw(t, "offset"), rapid.IntRange(0, 3000).Draw(t, "length")
	if method.Direct() {
		off, n = off/4096*4096, 4096*(1+n%2)
	}
	n = min(n, modelBytes-off)
	if rapid.IntRange(0, 3).Draw(t, "zeros") == 0 {
		stamp = 0
	}
	p := vfs.AlignedBuffer(n, 4096)
	for i := range p {
		p[i] = stamp
	}
	op := rapid.SampledFrom([]string{"write", "write", "durable", "flush", "sync", "truncate", "allocate"}).Draw(t, "op")
	switch op {
	case "write":
		_, err = f.WriteAt(p, int64(off))
		want.write(p, off, method.Direct(), method.WriteThrough())
	case "durable":
		_, err = f.WriteDurableAt(p, int64(off))
		want.write(p, off, method.Direct(), method.WriteThrough() || method == vfs.RWFDsync)
		if method == vfs.Fdatasync || method == vfs.Fsync || method == vfs.DirectFdatasync {
			want.flush()
		}
	case "flush":
		err = f.Flush()
		if method.Durable() && !method.WriteThrough() {
			want.flush()
		}
	case "sync":
		err = f.Sync()
		want.flush()
	case "truncate":
		err = f.Truncate(int64(off))
		want.truncate(off)
	case "allocate":
		err = f.Allocate(int64(off))
		want.truncate(max(off, want.size))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(fmt.Errorf("%s %s: %w", op, method, err))
	}
}
