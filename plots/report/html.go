package report

import (
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"html/template"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"flushbench/metrics/verdict"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// layout is the page. Its functions are pure.
var layout = template.Must(template.New("page").Funcs(template.FuncMap{
	// svg puts a picture in as it is: plots has escaped its texts.
	"svg":       func(p picture) template.HTML { return template.HTML(p.inline()) },
	"spans":     fullSpans,
	"pieces":    pieces,
	"breakable": Breakable,
	// class turns an outcome into a CSS class.
	"class": func(o verdict.ClaimOutcome) string { return strings.ReplaceAll(string(o), " ", "-") },
}).Parse(pageHTML))

// html writes the page.
func (p *page) html(w io.Writer) error {
	return layout.Execute(w, struct {
		*page
		Several bool
		Policy  string
		Style   template.CSS
		Script  template.JS
	}{p, len(p.Parts) > 1, policy, template.CSS(pageCSS), template.JS(pageJS)})
}

// axes is where one axis of a cell's name ends and the next begins.
var axes = regexp.MustCompile(`,([a-z])`)

// pieces are what a line may break between: the axes in the name of a cell.
func pieces(s string) []string { return strings.Split(axes.ReplaceAllString(s, ",\n$1"), "\n") }

// Breakable returns a name, such as a cell's, as HTML that a line may break where one
// axis ends and the next begins, and at blanks, but not at the hyphens of a short word.
func Breakable(s string) template.HTML {
	words := strings.Split(s, " ")
	for i, word := range words {
		parts := pieces(word)
		for k, part := range parts {
			parts[k] = template.HTMLEscapeString(part)
			if strings.Contains(part, "-") && utf8.RuneCountInString(part) <= maxWhole {
				parts[k] = `<span class="whole">` + parts[k] + `</span>`
			}
		}
		words[i] = strings.Join(parts, "<wbr>")
	}
	return template.HTML(strings.Join(words, " "))
}

// maxWhole is the length of the longest word that is kept whole, in characters.
const maxWhole = 24

// policy forbids the page every request, and any script and style but its own.
var policy = "default-src 'none'; script-src " + hash(pageJS) + "; style-src " + hash(pageCSS) + "; img-src data:; base-uri 'none'; form-action 'none'"

// hash is a source as a Content-Security-Policy names it.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// wide is a head over several columns.
type wide struct {
	Title string
	Width int
}

// fullSpans returns the heads over all columns of a table, with empty ones where no
// span stands.
func fullSpans(t *Table) []wide {
	var out []wide
	at := 0
	for _, s := range t.Spans {
		if s.From < at {
			continue
		}
		if s.From > at {
			out = append(out, wide{"", s.From - at})
		}
		out = append(out, wide{s.Title, s.To - s.From + 1})
		at = s.To + 1
	}
	if n := len(t.Columns) - at; n > 0 {
		out = append(out, wide{"", n})
	}
	return out
}
