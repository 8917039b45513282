package main

import (
	"slices"
	"strings"
	"unicode/utf8"

	"flushbench/metrics/verdict"
)

// A column is one column of a table: its head, which names the unit, and on
// which side its cells stand.
type column struct {
	head string
	left bool // text stands left, numbers right
	gap  int  // blanks before it; 0: two
}

// A grid is a table without lines: a row of heads, then rows of cells.
type grid struct {
	columns []column
	rows    [][]string
}

// add appends a row; missing cells are empty.
func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// without takes columns, given by their places in ascending order, out of the table.
func (g *grid) without(columns ...int) {
	for _, at := range slices.Backward(columns) {
		g.columns = slices.Delete(g.columns, at, at+1)
		for i, row := range g.rows {
			if at < len(row) {
				g.rows[i] = slices.Delete(row, at, at+1)
			}
		}
	}
}

// String lays the table out, with no blanks at the end of a line. A table
// whose heads are all empty has no line for them.
func (g *grid) String() string {
	widths := g.widths()
	g.fit(widths)
	heads := make([]string, len(g.columns))
	for i, c := range g.columns {
		heads[i] = c.head
	}
	var b strings.Builder
	if strings.Join(heads, "") != "" {
		b.WriteString(g.line(heads, widths) + "\n")
	}
	for _, row := range g.rows {
		b.WriteString(g.line(row, widths) + "\n")
	}
	return b.String()
}

// fit narrows the gaps, the last ones first, as far as it takes for the table to
// fit a terminal.
func (g *grid) fit(widths []int) {
	total := 0
	for i, c := range g.columns {
		total += c.before(i) + widths[i]
	}
	for i := len(g.columns) - 1; i > 0 && total > verdict.Width; i-- {
		if c := &g.columns[i]; c.before(i) > 1 {
			c.gap = 1
			total--
		}
	}
}

// A span is a title over the columns from to to, both included.
type span struct {
	from, to int
	title    string
}

// over returns a line of titles for above the heads: the first column's at
// its left edge, all others in the middle of their columns.
func (g *grid) over(spans ...span) string {
	widths := g.widths()
	g.fit(widths)
	line := ""
	for _, s := range spans {
		end := 0
		for i, c := range g.columns[:s.to+1] {
			end += c.before(i)
			if i == s.from {
				line += strings.Repeat(" ", max(end-width(line), 0))
			}
			end += widths[i]
		}
		if room := end - width(line) - width(s.title); room > 0 && line != "" {
			line += strings.Repeat(" ", (room+1)/2)
		}
		line += s.title
	}
	return strings.TrimRight(line, " ") + "\n"
}

func (c column) before(i int) int {
	switch {
	case i == 0:
		return 0
	case c.gap > 0:
		return c.gap
	}
	return 2
}

func (g *grid) widths() []int {
	widths := make([]int, len(g.columns))
	for i, c := range g.columns {
		widths[i] = width(c.head)
		for _, row := range g.rows {
			if i < len(row) {
				widths[i] = max(widths[i], width(row[i]))
			}
		}
	}
	return widths
}

func (g *grid) line(cells []string, widths []int) string {
	var b strings.Builder
	for i, c := range g.columns {
		cell := ""
		if i < len(cells) {
			cell = cells[i]
		}
		pad := strings.Repeat(" ", max(widths[i]-width(cell), 0))
		b.WriteString(strings.Repeat(" ", c.before(i)))
		if c.left {
			b.WriteString(cell + pad)
		} else {
			b.WriteString(pad + cell)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// width is the number of columns that s takes; our texts hold no wide or
// combining characters.
func width(s string) int { return utf8.RuneCountInString(s) }
