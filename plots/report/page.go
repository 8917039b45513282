package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// page is what both forms show, in its order. All texts are clean.
type page struct {
	Title  string
	Parts  []part
	Claims []verdict.Claim
}

// part is what the page shows of one result.
type part struct {
	ID       string // p1, p2 ...
	Title    string
	Head     []string
	Answer   []string
	NotLabel string // NOT TESTED, NOT PROVED
	Not      []string
	Notes    []Note
	Failed   string // why the run failed, "" when it did not
	Warnings []string
	Lead     []Table // beside the answer
	Tables   []Table
	Pictures []picture
	Distance []string   // how far from the limit, and why
	Limit    *Table     // the same, cell by cell; nil: no limit loop
	Checks   []check    // of a probe
	Trials   *trialList // of a crash lab; nil: none
	Machine  []fact
	Again    again
}

// check is a self-test of a probe.
type check struct{ Status, Text string }

// fact is a row of the environment.
type fact struct{ Name, Value string }

func newPage(parts []Part) (*page, error) {
	p := &page{}
	var results []*result.Result
	for i := range parts {
		r := parts[i].Result
		if r.Trace == nil { // one commit bears on no claim
			results = append(results, r)
		}
		one, err := newPart(&parts[i], fmt.Sprintf("p%d", i+1), len(parts) > 1)
		if err != nil {
			return nil, err
		}
		p.Parts = append(p.Parts, one)
		if i == 0 {
			p.Title = one.Title
		}
	}
	if len(parts) > 1 {
		p.Title = fmt.Sprintf("%s, and %d more", p.Title, len(parts)-1)
	}
	if len(results) > 0 {
		p.Claims = verdict.Claims(results...)
	}
	for i := range p.Claims {
		p.Claims[i].Figures = clean(p.Claims[i].Figures)
	}
	return p, nil
}

func newPart(in *Part, id string, several bool) (part, error) {
	r := in.Result
	pictures, err := picturesOf(r, id, several)
	if err != nil {
		return part{}, err
	}
	p := part{
		ID: id, Title: titleOf(r), Head: cleanAll(in.Head), Failed: clean(r.Error), Tables: cleanTables(in.Tables),
		Pictures: pictures, Distance: cleanAll(verdict.DistanceWords(r)), Limit: limitTable(r), Trials: trials(r),
		Machine: machine(&r.Environment), Again: newAgain(r), Answer: answer(r), NotLabel: "Not tested",
	}
	switch {
	case r.Kind == result.KindCrash:
		p.Not, p.NotLabel = verdict.CrashNotProved(r), "Not proved"
	case r.Kind == result.KindLesson, r.Trace != nil: // they say themselves what they cannot
	case r.Probe != nil:
		p.NotLabel = "Refused by this file system or platform"
		for _, m := range r.Probe.Refused {
			p.Not = append(p.Not, m.Method)
		}
		for _, c := range r.Probe.Checks {
			if c.Status != result.CheckSkipped {
				p.Checks = append(p.Checks, check{clean(c.Status), clean(c.Text)})
			}
		}
	case r.Sweep != nil:
		// Its closed loops only told it where to begin: they are far from any limit.
		p.Distance, p.Limit = nil, nil
	default:
		p.Not = verdict.NotTested(r)
	}
	if len(in.Answer) > 0 {
		p.Answer, p.Not = in.Answer, nil
	}
	lead := max(min(in.Lead, len(p.Tables)), 0)
	p.Lead, p.Tables = p.Tables[:lead], p.Tables[lead:]
	if in.Title != "" {
		p.Title = clean(in.Title)
	}
	p.Answer, p.Not, p.Notes = cleanAll(p.Answer), cleanAll(p.Not), cleanNotes(in.Notes)
	for _, w := range verdict.Warnings(r) {
		p.Warnings = append(p.Warnings, clean(verdict.WarningText(w)))
	}
	return p, nil
}

// answer is what was found, the sentence first that a reader would be told alone: the
// page sets it in large type.
func answer(r *result.Result) []string {
	found := slices.Clone(verdict.Found(r))
	if i := slices.Index(found, verdict.Headline(r)); i > 0 {
		found = slices.Insert(slices.Delete(found, i, i+1), 0, verdict.Headline(r))
	}
	return found
}

// titleOf names a result: what, where and when.
func titleOf(r *result.Result) string {
	text := "flushbench " + r.Kind
	if r.Environment.Host != "" {
		text += " on " + r.Environment.Host
	}
	if !r.Started.IsZero() {
		text += ", " + r.Started.UTC().Format("2006-01-02 15:04 UTC")
	}
	return clean(text)
}

// maxText bounds a text: a result comes from a file that anybody may have written.
const maxText = 4000

// clean returns s as one line without control characters, characters that cannot be
// seen or turn the direction of text around, and broken encoding, at most maxText
// characters long.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u00a0':
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError, r == 0xfffe, r == 0xffff, unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > maxText {
		s = string([]rune(s)[:maxText-1]) + "…"
	}
	return strings.TrimSpace(s)
}

func cleanAll(texts []string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, clean(t))
	}
	return out
}

// cleanNotes returns notes that can be shown.
func cleanNotes(in []Note) []Note {
	var out []Note
	for _, n := range in {
		out = append(out, Note{clean(n.Label), cleanAll(n.Sentences), cleanAll(n.Story), cleanAll(n.Code)})
	}
	return out
}

// cleanTables returns tables whose rows all have a text for each column.
func cleanTables(in []Table) []Table {
	var out []Table
	for _, t := range in {
		c := Table{Title: clean(t.Title), About: clean(t.About), Note: clean(t.Note)}
		for _, s := range t.Spans {
			if s.From <= s.To && s.From >= 0 && s.To < len(t.Columns) {
				c.Spans = append(c.Spans, Span{s.From, s.To, clean(s.Title)})
			}
		}
		for _, col := range t.Columns {
			c.Columns = append(c.Columns, Column{clean(col.Head), col.Left})
		}
		for _, row := range t.Rows {
			full := make([]string, len(t.Columns))
			for i := range full {
				if i < len(row) {
					full[i] = clean(row[i])
				}
			}
			c.Rows = append(c.Rows, full)
		}
		out = append(out, c)
	}
	return out
}
