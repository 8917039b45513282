package probe

import (
	"fmt"
	"slices"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics"
	"flushbench/metrics/result"
)

// Plan is what a probe will do, said before it starts.
type Plan struct {
	Cells     int
	Rounds    int
	Duration  time.Duration // of the measuring alone
	DiskBytes int64         // on disk at once, at most
	MaxBytes  int64         // written in all, at most
}

// A cell is one combination of method, operation and size.
type cell struct {
	method vfs.Method
	op     string
	size   int64
	pair   bool   // two writes a turn: a self-test, not a row
	shape  *shape // of a page cell, else nil; then op is its name
	weight int    // share of the time

	loop    *loop // nil: the method is refused
	file    vfs.File
	rates   []float64 // turns a second, one a slice
	written int64     // bytes, in the measured part of the slices
}

func (c *cell) String() string {
	name := fmt.Sprintf("%s, %s %s", c.method, c.op, fioSize(c.size))
	if c.shape != nil && c.shape.units > 1 {
		name += fmt.Sprintf(" x %d", c.shape.units)
	}
	if c.pair {
		name += ", two writes"
	}
	return name
}

// Shares of the time and bytes of one slice at most. The main size gets more,
// as its 99th percentile is shown.
const (
	mainWeight  = 4
	plainWeight = 1
	sliceBytes  = 4 << 20 // of a slice, for each weight
)

// cells lists what is measured, in the order of the rows of the result: for
// each method, operation and size one cell, then the self-tests. A direct file
// takes whole blocks only, so smaller sizes would be the same again: left out.
func (c *Config) cells() []*cell {
	var all []*cell
	for _, m := range c.Methods {
		for _, op := range c.Ops {
			for _, size := range c.Sizes {
				if m.Direct() && size%MainSize != 0 {
					continue
				}
				w := plainWeight
				if size == c.mainSize() {
					w = mainWeight
				}
				all = append(all, &cell{method: m, op: op, size: size, weight: w})
			}
		}
	}
	if c.Gentle || !slices.Contains(c.Ops, result.OpOverwrite) {
		return all
	}
	for _, m := range []vfs.Method{vfs.Fdatasync, vfs.ODsync} {
		if slices.Contains(c.Methods, m) {
			all = append(all, &cell{method: m, op: result.OpOverwrite, size: c.mainSize(), pair: true, weight: mainWeight})
		}
	}
	return append(all, c.pageCells()...)
}

// maxBytes is what one slice of the cell may write: at least a few turns.
func (c *cell) maxBytes() int64 { return max(int64(c.weight)*sliceBytes, 8*c.turnBytes()) }

// turnBytes is what one turn writes at most. A direct file takes whole blocks,
// of which a small record may touch two.
func (c *cell) turnBytes() int64 {
	switch {
	case c.shape != nil && c.method.Direct():
		return c.shape.copies() * int64(c.shape.units) * max(c.size, 2*page)
	case c.shape != nil:
		return c.shape.copies() * int64(c.shape.units) * c.size
	case c.pair:
		return 2 * c.size
	}
	return c.size
}

// plan sums up what cells will cost.
func (c *Config) plan(cells []*cell) Plan {
	p := Plan{Rounds: c.Rounds, Duration: c.Duration}
	if c.Gentle {
		turns := int64(c.Duration.Seconds()*GentleRate) + gentleSlices
		return Plan{Cells: 1, Rounds: c.Rounds, Duration: c.Duration, DiskBytes: gentleBytes, MaxBytes: gentleBytes + turns*MainSize}
	}
	buffered, direct := c.kinds()
	for _, has := range []bool{buffered, direct} {
		if has {
			p.DiskBytes += c.FileBytes
		}
	}
	p.MaxBytes = p.DiskBytes
	longest := int64(0)
	for _, cell := range cells {
		// A slice may begin with one turn that is not measured.
		p.MaxBytes += int64(c.Rounds) * (cell.maxBytes() + 2*cell.turnBytes())
		if cell.op == result.OpAppend {
			longest = max(longest, cell.maxBytes()+2*cell.turnBytes())
		}
	}
	p.DiskBytes += longest
	if _, ok := c.pageMethod(); ok && len(cells) > 0 {
		p.DiskBytes += doubleBytes
		p.MaxBytes += doubleBytes + MainSize
	}
	// Creating a file tries its method with a block.
	p.MaxBytes += int64(len(c.Methods)) * MainSize
	p.Cells = len(cells)
	return p
}

// kinds tells which files the methods need.
func (c *Config) kinds() (buffered, direct bool) {
	for _, m := range c.Methods {
		buffered = buffered || !m.Direct()
		direct = direct || m.Direct()
	}
	return buffered, direct
}

// slice is how long one slice of weight 1 lasts.
func (c *Config) slice(cells []*cell) time.Duration {
	total := 0
	for _, cell := range cells {
		total += cell.weight
	}
	return c.Duration / time.Duration(max(total*c.Rounds, 1))
}

// newLoop makes the loop of a cell over the file f. double is the doublewrite
// file, for the page cells that use it.
func (c *Config) newLoop(cell *cell, f, double vfs.File, slice time.Duration) (*loop, error) {
	l := &loop{method: cell.method, writes: 1, duration: slice * time.Duration(cell.weight), maxBytes: cell.maxBytes(), turn: metrics.NewHistogram()}
	if cell.pair {
		l.writes = 2
	}
	if c.Gentle {
		l.every, l.maxBytes = time.Second/GentleRate, 0
	}
	if flushes(cell.method) && cell.shape == nil && !cell.pair {
		l.write, l.flush = metrics.NewHistogram(), metrics.NewHistogram()
	}
	var err error
	if cell.op == result.OpAppend {
		l.circle, err = appendCircle(f, cell.size)
	} else {
		l.circle, err = newCircle([]vfs.File{f}, 0, c.FileBytes, cell.size, c.SamePlace)
	}
	if err != nil || cell.shape == nil {
		return l, err
	}
	l.writes = cell.shape.units
	if cell.shape.random {
		l.circle.scatter(c.Seed)
	}
	if cell.shape.double {
		l.double, err = newCircle([]vfs.File{double}, 0, 0, cell.size, false)
	}
	return l, err
}
