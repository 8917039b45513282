package workload

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Background is I/O on the measured disk that has nothing to do with the commits:
// what a neighbour, a backup or the server's own pages do to it. The zero value is
// none.
type Background struct {
	Read, Write int64 // bytes a second; 0: none of the kind
	// Block is the size of each read and write at a random place; 0: one after the
	// other in pieces of SequentialBlock.
	Block int64
}

// Limits of a Background. A block is what a direct file takes.
const (
	SequentialBlock = 1 << 20
	MinBackground   = 4096       // bytes a second
	MaxBackground   = 64 << 30   // bytes a second
	MinBlock        = 4096       // bytes
	MaxBlock        = 4 << 20    // bytes
	backgroundIOPS  = 10_000_000 // more is beyond reason
)

// Runs reports whether there is any.
func (b Background) Runs() bool { return b.Read > 0 || b.Write > 0 }

// Piece is the size of each read and write in bytes.
func (b Background) Piece() int64 {
	if b.Block > 0 {
		return b.Block
	}
	return SequentialBlock
}

// Validate says what is out of range.
func (b Background) Validate() error {
	switch {
	case !b.Runs() && b.Block != 0:
		return errors.New("random without read or write")
	case b == Background{}:
		return nil
	}
	for _, x := range []struct {
		name string
		n    int64
	}{{"read", b.Read}, {"write", b.Write}} {
		if x.n != 0 && (x.n < MinBackground || x.n > MaxBackground) {
			return fmt.Errorf("%s of %d bytes a second: must be 4k to 64G", x.name, x.n)
		}
	}
	if b.Block != 0 && (b.Block < MinBlock || b.Block > MaxBlock || b.Block&(b.Block-1) != 0) {
		return fmt.Errorf("random %d: must be a power of two of 4k to 4M bytes", b.Block)
	}
	if n := max(b.Read, b.Write) / b.Piece(); n > backgroundIOPS {
		return fmt.Errorf("%d operations a second: must be at most %d", n, backgroundIOPS)
	}
	return nil
}

// String returns what UnmarshalText reads: "off", or "read=200MiB/s,write=50MiB/s,
// random=16KiB" without the blank.
func (b Background) String() string {
	if !b.Runs() {
		return "off"
	}
	var parts []string
	if b.Read > 0 {
		parts = append(parts, "read="+Bytes(b.Read)+"/s")
	}
	if b.Write > 0 {
		parts = append(parts, "write="+Bytes(b.Write)+"/s")
	}
	if b.Block > 0 {
		parts = append(parts, "random="+Bytes(b.Block))
	}
	return strings.Join(parts, ",")
}

// MarshalText implements encoding.TextMarshaler.
func (b Background) MarshalText() ([]byte, error) {
	if err := b.Validate(); err != nil {
		return nil, fmt.Errorf("workload: background I/O: %w", err)
	}
	return []byte(b.String()), nil
}

// UnmarshalText reads off, or read=SIZE/s, write=SIZE/s and random=SIZE, each at most
// once, with commas between them. b is unchanged on error.
func (b *Background) UnmarshalText(text []byte) error {
	in := strings.TrimSpace(string(text))
	var v Background
	if low := strings.ToLower(in); low != "off" && low != "0" {
		for part := range strings.SplitSeq(low, ",") {
			if err := v.part(part); err != nil {
				return fmt.Errorf("background I/O %q: %w; legal are off and read=SIZE/s,write=SIZE/s,random=SIZE, such as read=200M/s,random=16k", in, err)
			}
		}
	}
	if err := v.Validate(); err != nil {
		return fmt.Errorf("background I/O %q: %w", in, err)
	}
	*b = v
	return nil
}

// part reads NAME=SIZE.
func (b *Background) part(text string) error {
	name, value, _ := strings.Cut(strings.TrimSpace(text), "=")
	to := map[string]*int64{"read": &b.Read, "write": &b.Write, "random": &b.Block}[name]
	if to == nil {
		return fmt.Errorf("unknown %q", name)
	}
	if *to != 0 {
		return fmt.Errorf("%s is there twice", name)
	}
	size := value
	if name != "random" {
		size = strings.TrimSuffix(value, "/s")
	}
	n, ok := bytesOf(size)
	if !ok || n == 0 {
		return fmt.Errorf("%s: %q is no size", name, value)
	}
	*to = n
	return nil
}

// Bytes writes a number of bytes in the largest unit that divides it: 512, 4KiB, 16MiB.
func Bytes(n int64) string {
	for _, u := range []struct {
		name  string
		shift int
	}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}} {
		if n != 0 && n&(1<<u.shift-1) == 0 {
			return strconv.FormatInt(n>>u.shift, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
