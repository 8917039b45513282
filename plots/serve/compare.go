package serve

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"flushbench/metrics/result"
	"flushbench/plots"
	"flushbench/plots/report"
)

// maxCompared bounds the results of one comparison.
const maxCompared = 12

// comparePage is what a comparison shows.
type comparePage struct {
	Names []string // of the results, oldest first
	Base  string   // the one that the others are held against
	Pairs []pair
}

// pair is one result against the base.
type pair struct {
	A, B  string // names
	Error string // why they cannot be compared; else ""
	*Comparison
	Drawn template.HTML // the picture, "" if there is none
}

// showComparison compares the results that the query names: r for each, and base for
// the one that the others are held against, by default the oldest.
func (s *Server) showComparison(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	for i, name := range query["r"] {
		query["r"][i] = unescaped(name)
	}
	names := slices.Compact(slices.Sorted(slices.Values(query["r"])))
	if len(names) < 2 || len(names) > maxCompared {
		s.refuse(w, r, http.StatusBadRequest, fmt.Sprintf("Choose 2 to %d results to compare; %d were chosen.", maxCompared, len(names)))
		return
	}
	page := comparePage{Names: names, Base: names[0]}
	if base := unescaped(query.Get("base")); slices.Contains(names, base) {
		page.Base = base
	}
	done, err := s.turn(r.Context())
	if err != nil {
		return // the reader has gone
	}
	defer done()
	a, err := s.folder.load(page.Base)
	if err != nil {
		s.refuseResult(w, r, err)
		return
	}
	for _, name := range names {
		if name != page.Base {
			page.Pairs = append(page.Pairs, s.compare(a, page.Base, name, fmt.Sprintf("p%d", len(page.Pairs)+1)))
		}
	}
	s.show(w, r, http.StatusOK, "compare", sheet{Title: "Compare", Page: page})
}

// unescaped returns a name as a form of ours sends it: escaped as in a path, so that a
// browser changes nothing about it, line ends for one.
func unescaped(value string) string {
	if name, err := url.PathUnescape(value); err == nil {
		return name
	}
	return value
}

// compare holds the result called name against a; id names the pair on the page. Only
// one more is in memory at a time.
func (s *Server) compare(a *result.Result, base, name, id string) pair {
	p := pair{A: base, B: name}
	b, err := s.folder.load(name)
	if err == nil {
		p.Comparison, err = s.config.Compare(a, b)
	}
	if err == nil && p.Picture != nil {
		p.Drawn, err = drawn(p.Picture, id)
	}
	if errors.Is(err, errNotFound) {
		err = errors.New("there is no such result")
	}
	if err != nil {
		p.Error = report.Clean(err.Error())
	}
	return p
}

// drawn returns a picture as an element of a page. The ids of its title and description
// get a prefix of their own, because a page may have several.
func drawn(p *plots.Plot, id string) (template.HTML, error) {
	var text bytes.Buffer
	if err := p.WriteSVG(&text); err != nil {
		return "", err
	}
	// Quotes within texts are escaped, so these can only be the attributes.
	out := bytes.ReplaceAll(text.Bytes(), []byte(` id="flushbench-`), []byte(` id="`+id+`-`))
	was := "flushbench-" + p.Name
	out = bytes.Replace(out, []byte(` aria-labelledby="`+was+`-title `+was+`-desc"`), []byte(` aria-labelledby="`+id+"-"+p.Name+`-title `+id+"-"+p.Name+`-desc"`), 1)
	return template.HTML(out), nil // plots has escaped its texts
}
