package result

import "bytes"

// dropped names, by the keys on the way to them, the values that prune leaves out:
// what lies over time within rounds, nine tenths of a file. Those of an array are
// named under "".
var dropped = keyTree{"cells": {"": {"rounds": {"": {
	"series":         nil,
	"at_risk_series": nil,
	"memory":         {"resident": nil},
	"database":       {"checkpoint_age": nil, "history_length": nil, "sample_ns": nil},
}}}}}

// keyTree is a set of paths; a nil tree is the end of one.
type keyTree map[string]keyTree

// prune returns the JSON text data with null in place of the values that dropped
// names, which nobody then has to decode. It looks at no more of it than it takes to
// find them; where that does not look like JSON the text is returned whole, for the
// decoder to say what is wrong.
func prune(data []byte) []byte {
	p := pruner{in: data}
	if !p.value(dropped) {
		return data
	}
	return append(p.out, data[p.copied:]...)
}

// pruner is a place in a text. Each method moves beyond what it is named after, and
// returns false where it finds something else.
type pruner struct {
	in     []byte
	at     int
	out    []byte
	copied int // in[:copied] is in out, or left out
}

// value moves beyond a value in which paths are to be left out.
func (p *pruner) value(paths keyTree) bool {
	switch p.next() {
	case '{':
		return p.members('}', func() bool {
			key, ok := p.text()
			if !ok || p.next() != ':' {
				return false
			}
			p.at++
			below, named := paths[string(key)]
			switch {
			case named && below == nil:
				return p.drop()
			case named:
				return p.value(below)
			}
			return p.skip()
		})
	case '[':
		below := paths[""]
		return p.members(']', func() bool {
			if below == nil {
				return p.skip()
			}
			return p.value(below)
		})
	}
	return p.skip()
}

// members moves beyond an object or array, and calls each at every member.
func (p *pruner) members(end byte, each func() bool) bool {
	p.at++
	if p.next() == end {
		p.at++
		return true
	}
	for {
		p.next()
		if !each() {
			return false
		}
		switch p.next() {
		case ',':
			p.at++
		case end:
			p.at++
			return true
		default:
			return false
		}
	}
}

// next moves to the next byte that is no blank, and returns it; 0 at the end.
func (p *pruner) next() byte {
	for ; p.at < len(p.in); p.at++ {
		switch c := p.in[p.at]; c {
		case ' ', '\n', '\r', '\t':
		default:
			return c
		}
	}
	return 0
}

// drop moves beyond a value and leaves it out.
func (p *pruner) drop() bool {
	p.next()
	from := p.at
	if !p.skip() || p.at == from {
		return false
	}
	p.out = append(append(p.out, p.in[p.copied:from]...), "null"...)
	p.copied = p.at
	return true
}

// text moves beyond a string and returns what stands between its quotes.
func (p *pruner) text() ([]byte, bool) {
	if p.next() != '"' {
		return nil, false
	}
	from := p.at + 1
	for at := from; ; {
		n := bytes.IndexByte(p.in[at:], '"')
		if n < 0 {
			return nil, false
		}
		at += n
		escapes := 0
		for p.in[at-1-escapes] == '\\' {
			escapes++
		}
		at++
		if escapes%2 == 0 {
			p.at = at
			return p.in[from : at-1], true
		}
	}
}

// skip moves beyond any value.
func (p *pruner) skip() bool {
	p.next()
	for depth := 0; p.at < len(p.in); {
		switch p.in[p.at] {
		case '"':
			if _, ok := p.text(); !ok {
				return false
			}
		case '[':
			depth++
			p.at++
			p.numbers()
			continue
		case '{':
			depth++
			p.at++
			continue
		case ']', '}':
			depth--
			if depth < 0 {
				return true // of what the value stands in
			}
			p.at++
		case ',':
			if depth == 0 {
				return true
			}
			p.at++
			continue
		default:
			p.at++
			continue
		}
		if depth == 0 {
			return true
		}
	}
	return false
}

// numbers moves to the end of an array of plain values fast; elsewhere it stays.
func (p *pruner) numbers() {
	rest := p.in[p.at:]
	end := bytes.IndexByte(rest, ']')
	if end < 0 {
		return
	}
	if flat := rest[:end]; bytes.IndexByte(flat, '"') < 0 && bytes.IndexByte(flat, '[') < 0 && bytes.IndexByte(flat, '{') < 0 {
		p.at += end
	}
}
