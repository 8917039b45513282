package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"flushbench/metrics/result"
	"flushbench/plots"
)

// The files of a report, in its folder.
const (
	HTMLFile     = "report.html"
	MarkdownFile = "report.md"
	PictureDir   = "plots" // one SVG a picture
)

// Part is one result with what the terminal shows of it.
type Part struct {
	Result *result.Result
	// Head is what the screen begins with, one line each: the machine and its disk,
	// the load, the limit.
	Head []string
	// Tables are those of the screen, in its order.
	Tables []Table
	// Lead is how many of the Tables belong to the answer: they stand beside it, before
	// Notes and warnings. More than there are: all.
	Lead int
	// Title and Answer take the place of the result's own where the page is about what
	// follows from it (a plan); empty: they do not. Notes come after the answer.
	Title  string
	Answer []string
	Notes  []Note
}

// Note is what else is to be said, under a label.
type Note struct {
	Label     string
	Sentences []string
	Story     []string // how it came to that, step by step: folded up until somebody asks
	Code      []string // lines to be copied, after the sentences
}

// Table is a table as data: every cell is a text, ready to be read.
type Table struct {
	Title   string // SPEED
	About   string // what its figures are over: "closed loop; median of 5 rounds"
	Columns []Column
	Spans   []Span // titles over neighbouring columns; may be empty
	Rows    [][]string
	Note    string // what the heads mean; may be empty
}

// Column is one column of a table.
type Column struct {
	Head string // names the unit; empty where it belongs to the column before
	Left bool   // text stands left, figures right
}

// Span is a title over the columns From to To, both included.
type Span struct {
	From, To int
	Title    string
}

// Report is a page about one or more results, ready to be written. It may be written
// any number of times and from several goroutines.
type Report struct{ page *page }

// New arranges a page. It fails where there is no part, or one without a result.
func New(parts ...Part) (*Report, error) {
	if len(parts) == 0 {
		return nil, errors.New("report: no result to report")
	}
	for i := range parts {
		if parts[i].Result == nil {
			return nil, fmt.Errorf("report: part %d of %d has no result", i+1, len(parts))
		}
	}
	p, err := newPage(parts)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return &Report{p}, nil
}

// WriteHTML writes the page as HTML that needs nothing else.
func (r *Report) WriteHTML(w io.Writer) error {
	if err := r.page.html(w); err != nil {
		return fmt.Errorf("report: write html: %w", err)
	}
	return nil
}

// WriteMarkdown writes the page as Markdown, as GitHub reads it. Its pictures are
// files in PictureDir beside it.
func (r *Report) WriteMarkdown(w io.Writer) error {
	if _, err := io.WriteString(w, r.page.markdown()); err != nil {
		return fmt.Errorf("report: write markdown: %w", err)
	}
	return nil
}

// Write puts the page, its Markdown and its pictures into the folder dir, which it
// makes if need be, and returns the path of the HTML. Files of these names are
// replaced, whole or not at all; nothing is flushed, since all can be made again.
func (r *Report) Write(dir string) (path string, err error) {
	if err := os.MkdirAll(filepath.Join(dir, PictureDir), 0o755); err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	for i := range r.page.Parts {
		for _, p := range r.page.Parts[i].Pictures {
			if err := replace(filepath.Join(dir, PictureDir, p.File), p.write); err != nil {
				return "", err
			}
		}
	}
	if err := replace(filepath.Join(dir, MarkdownFile), r.WriteMarkdown); err != nil {
		return "", err
	}
	path = filepath.Join(dir, HTMLFile)
	return path, replace(path, r.WriteHTML)
}

// replace puts what write produces in the place of path.
func replace(path string, write func(io.Writer) error) error {
	var buf bytes.Buffer
	if err := write(&buf); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = f.Write(buf.Bytes())
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("report: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// picture is a plot on the page.
type picture struct {
	ID    string // of the page's element
	File  string // name in PictureDir
	Title string
	Alt   string
	name  string // of the plot
	svg   []byte // drawn once, shown in two places
}

// write writes the picture as a file.
func (p *picture) write(w io.Writer) error {
	_, err := w.Write(p.svg)
	return err
}

// picturesOf draws what a result has data for. Several parts number their files.
func picturesOf(r *result.Result, part string, several bool) ([]picture, error) {
	var out []picture
	for _, p := range plots.All(r) {
		var buf bytes.Buffer
		if err := p.WriteSVG(&buf); err != nil {
			return nil, err
		}
		file := p.Name + ".svg"
		if several {
			file = part + "-" + file
		}
		out = append(out, picture{ID: part + "-" + p.Name, File: file, Title: clean(p.Title), Alt: clean(p.Alt), name: p.Name, svg: buf.Bytes()})
	}
	return out, nil
}

// inline returns the picture as an element of the page. The ids of its title and
// description get the picture's own, because two parts may have the same picture.
func (p *picture) inline() []byte {
	// Quotes within texts are escaped, so these can only be the attributes.
	was := "flushbench-" + p.name
	out := bytes.ReplaceAll(p.svg, []byte(` id="`+was+`-`), []byte(` id="`+p.ID+`-`))
	return bytes.Replace(out, []byte(` aria-labelledby="`+was+`-title `+was+`-desc"`),
		[]byte(` aria-labelledby="`+p.ID+`-title `+p.ID+`-desc"`), 1)
}
