package redo

import (
	"bytes"
	"encoding/binary"
	"testing"

	"flushbench/engine/vfs"
)

// turnedLog has been round its circle: behind its end stand whole records of
// the lap before.
func turnedLog(t testing.TB) *rig {
	r := newRig(t, setup{files: 1})
	for range 48 {
		if r.room() < 3*9000 {
			r.checkpoint(2)
		}
		r.append(r.rng.IntN(9000))
		r.flush()
	}
	r.append(100)
	r.write(false)
	r.close()
	return r
}

// A damage is a list of edits of 8 bytes each: what to do (1), how much (1 or 2
// bytes by what), where (3), with what (1 to 3).
const editSize = 8

// apply edits the log in place. Offsets wrap: every input means something.
func apply(p []byte, edits []byte) []byte {
	for ; len(edits) >= editSize && len(p) > 0; edits = edits[editSize:] {
		e := edits[:editSize]
		off := int(binary.LittleEndian.Uint32(e[2:])&0xffffff) % len(p)
		n := min(1+int(e[1])*8, len(p)-off)
		switch e[0] % 7 {
		case 0:
			p[off] ^= e[6]
		case 1:
			clear(p[off : off+n])
		case 2:
			for i := range n {
				p[off+i] = e[6] + byte(i)*e[7]
			}
		case 3: // a piece of the log stands where another should
			from := int(binary.LittleEndian.Uint16(e[6:])) * 8 % len(p)
			copy(p[off:off+n], bytes.Clone(p[from:]))
		case 4: // a sector is lost
			s := off &^ 511
			clear(p[s:min(len(p), s+512)])
		case 5:
			p = p[:off]
		case 6:
			s := off &^ 4095
			from := int(binary.LittleEndian.Uint16(e[6:])) * 4096 % len(p)
			copy(p[s:min(len(p), s+4096)], bytes.Clone(p[from:]))
		}
	}
	return p
}

// FuzzReader reads damaged logs. It must end, must not panic, and every record
// it returns must be one that was written there; a log that is shorter than
// what was flushed must be reported.
func FuzzReader(f *testing.F) {
	rigs := []*rig{
		smallLog(f, setup{files: 1, growth: vfs.GrowAppend}),
		smallLog(f, setup{files: 1, growth: vfs.GrowAppend, tail: TailPad, method: vfs.DirectFdatasync}),
		turnedLog(f),
	}
	var logs []bytesFS
	for _, r := range rigs {
		logs = append(logs, r.snapshot())
	}
	f.Add([]byte{0})
	f.Add([]byte{1, 0, 1, 0, 16, 0, 0, 255, 0})
	f.Add([]byte{2, 3, 255, 0, 64, 0, 0, 9, 0})
	f.Add([]byte{3})
	f.Add(append([]byte{3}, logs[0].files[FileName(0)][headSize:headSize+200]...))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 || len(in) > 2048 {
			return
		}
		which := int(in[0]) % (len(rigs) + 1)
		r := rigs[which%len(rigs)]
		r.t = t
		if which == len(rigs) { // the input is all that stands after the head
			p := append(bytes.Clone(logs[0].files[FileName(0)][:headSize]), in[1:]...)
			if wrong := r.verdict(bytesFS{files: map[string][]byte{FileName(0): p}}, 0); wrong != "" {
				t.Error(wrong)
			}
			return
		}
		p := apply(bytes.Clone(logs[which].files[FileName(0)]), in[1:])
		b := bytesFS{files: map[string][]byte{FileName(0): p}}
		r.agrees(b)
		if wrong := r.verdict(b, 0); wrong != "" {
			t.Error(wrong)
		}
	})
}
