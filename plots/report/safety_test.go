package report

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// hostile are texts that somebody may have put into a result.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</style></script></svg><svg onload=alert(1)>`,
	`javascript:alert(1)`, `--><!--`, `{{.Title}}`, `&lt;b&gt;`, "a\n# b\n\n<b>c</b>", "| x | y |", "`code` *b* _i_ [l](http://x) ![i](http://x)",
	"http://evil.example www.evil.example @somebody #1", "\u202eright to left\u202c", "un\u200bseen\u2066\ufeff\U000e0041", "nul \x00 bell \x07 bad \xff", "]]>", "```", "1. x", "- x",
}

// infest puts s into every text below v.
func infest(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + s)
	case reflect.Pointer:
		if !v.IsNil() {
			infest(v.Elem(), s)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			// What the schema knows by its words, so that the result stays one with figures.
			if v.Type().Field(i).IsExported() && !slices.Contains([]string{"Kind", "Load", "Policy", "Section", "Bound", "Preset", "Op"}, name) {
				infest(v.Field(i), s)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			infest(v.Index(i), s)
		}
	}
}

// TestHostileTexts puts markup into every text of results and tables, and finds
// none of it in the pages.
func TestHostileTexts(t *testing.T) {
	all := []func() *result.Result{run, lab, probe}
	for i, s := range append([]string{strings.Join(hostile, " ")}, hostile...) {
		var parts []Part
		for k, of := range all {
			if i > 0 && i%len(all) != k {
				continue // all at once in all kinds, each alone in one
			}
			r := of()
			infest(reflect.ValueOf(r).Elem(), s)
			part := partOf(r)
			infest(reflect.ValueOf(&part.Tables).Elem(), s)
			infest(reflect.ValueOf(&part.Head).Elem(), s)
			parts = append(parts, part)
		}
		p := mustReport(t, parts...)
		html := htmlOf(t, p)
		checkHTML(t, html)
		checkMarkdown(t, markdownOf(t, p))
		if strings.ContainsAny(html, "\u202e\u202c\u200b\u2066\ufeff\U000e0041\x00\x07") {
			t.Errorf("%q: control characters are left", s)
		}
	}
	// The tests see what they look for.
	for _, bad := range []string{`<p onclick="x">`, `<img>`, `<a href="http://x">x</a>`, `<script>x</script>`, `<p style="x">`, `<p>`} {
		if err := markup(strings.Replace(htmlOf(t, mustReport(t, partOf(run()))), "<main>", "<main>"+bad, 1)); err == nil {
			t.Errorf("markup accepts %s", bad)
		}
	}
}

// TestHostileWords does the same to the words that the schema knows, and to each text
// that a user can choose: whatever reads the file may have been handed anything.
func TestHostileWords(t *testing.T) {
	s := strings.Join(hostile, " ")
	r := lab()
	r.Cells = append(r.Cells, run().Cells...)
	e := &r.Environment
	e.Devices = []result.Place{{Dir: s, Holds: []string{s}, Device: result.Device{Name: s, Model: s, Stack: []result.StackNode{{Name: s, Type: s}, {Name: s, Type: s}}}}}
	r.Kind, r.Name, r.Preset, r.Error, r.ToolVersion = s, s, s, s, s
	r.CommandLine = []string{s, "run", "--dir", s}
	for i := range r.Cells {
		c := &r.Cells[i]
		p := &c.Params
		for _, f := range []*string{&c.Name, &c.Section, &c.Bound, &c.BoundText, &p.Workload, &p.Policy, &p.FlushMethod, &p.GroupDelay, &p.LongView} {
			*f = s
		}
	}
	for i := range r.CrashTrials {
		x := &r.CrashTrials[i]
		x.Kind, x.Policy, x.Cell, x.Verdict, x.Reproduce, x.Evidence = s, s, s, s, s, s
	}
	for _, kind := range []string{s, result.KindCrash} {
		r.Kind = kind
		p := mustReport(t, partOf(r))
		checkHTML(t, htmlOf(t, p))
		checkMarkdown(t, markdownOf(t, p))
	}
}

func checkHTML(t testing.TB, text string) {
	t.Helper()
	if err := markup(text); err != nil {
		t.Error(err)
	}
}

// The elements and attributes that a page may hold.
var (
	legalElements = strings.Fields("html head meta title link style body a header h1 h2 h3 nav ul li main article section p strong span div table caption thead tbody tr th td " +
		"figure figcaption details summary pre code dl dt dd wbr script svg desc g path circle text")
	legalAttributes = strings.Fields("lang charset name content http-equiv rel href class id aria-label aria-labelledby tabindex role scope colspan " +
		"xmlns width height viewBox font-family d fill stroke stroke-width stroke-linejoin stroke-dasharray cx cy r x y text-anchor font-size font-weight textLength lengthAdjust pointer-events data-series")
	// fixed are the only targets of links beside places on the page.
	fixed = []string{"data:,"}
)

// markup reads a page as XML and returns what it must not hold. The page closes
// all its elements but meta, link and wbr.
func markup(text string) error {
	text, ok := strings.CutPrefix(text, "<!DOCTYPE html>\n")
	if !ok {
		return errors.New("no document type")
	}
	for _, own := range []string{"<script>" + pageJS + "</script>", "<style>" + pageCSS + "</style>"} {
		if strings.Count(text, own) != 1 {
			return errors.New("the page's own script or style is not as it was")
		}
		text = strings.Replace(text, own, "", 1)
	}
	text = regexp.MustCompile(`(<(?:meta|link) [^>]*|<wbr)>`).ReplaceAllString(text, "$1/>")
	dec := xml.NewDecoder(strings.NewReader(text))
	ids := map[string]bool{}
	var links []string
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		name := e.Name.Local
		if !slices.Contains(legalElements, name) || name == "script" || name == "style" {
			return errors.New("an element <" + name + ">")
		}
		for _, a := range e.Attr {
			switch key := a.Name.Local; {
			case !slices.Contains(legalAttributes, key):
				return errors.New("an attribute " + key + " of <" + name + ">")
			case key == "id" && ids[a.Value]:
				return errors.New("id " + a.Value + " twice")
			case key == "id":
				ids[a.Value] = true
			case key == "href" && strings.HasPrefix(a.Value, "#"):
				links = append(links, a.Value[1:])
			case key == "aria-labelledby":
				links = append(links, strings.Fields(a.Value)...)
			case key == "href" && !slices.Contains(fixed, a.Value):
				return errors.New("a link to " + a.Value)
			}
		}
	}
	for _, l := range links {
		if !ids[l] {
			return errors.New("a link to #" + l + ", which is nowhere")
		}
	}
	return nil
}

// unescaped finds what is markup in Markdown: what no backslash stands before.
var unescaped = map[string]*regexp.Regexp{
	"tag":     regexp.MustCompile(`<`),
	"link":    regexp.MustCompile(`(^|[^\\!])\[|://|(^|[^\\])www\.`),
	"mention": regexp.MustCompile(`@`),
	"code":    regexp.MustCompile("(^|[^\\\\`])`[^`]"),
}

// ours are the lines that hold markup of our own.
var ours = regexp.MustCompile("^(!\\[.*\\]\\(plots/[a-z0-9-]+\\.svg\\)|All of this page was computed from `result.json`; `flushbench report` makes it again\\.)$")

// checkMarkdown holds that all markup of a page is the page's own, and that each row
// of a table has as many cells as its head.
func checkMarkdown(t testing.TB, text string) {
	t.Helper()
	columns, fence := 0, ""
	cells := func(line string) int {
		return strings.Count(strings.ReplaceAll(strings.ReplaceAll(line, `\\`, ""), `\|`, ""), "|")
	}
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case fence != "":
			if line == fence {
				fence = ""
			}
			continue
		case strings.HasPrefix(line, "```"):
			fence = line
			continue
		case ours.MatchString(line):
			columns = 0
			continue
		case strings.HasPrefix(line, "|"):
			if n := cells(line); columns == 0 {
				columns = n
			} else if n != columns {
				t.Errorf("a row of %d cells below a head of %d: %q", n-1, columns-1, line)
			}
		default:
			columns = 0
		}
		for what, bad := range unescaped {
			if bad.MatchString(strings.ReplaceAll(line, `\\`, "")) {
				t.Errorf("a %s in %q", what, line)
			}
		}
	}
	if fence != "" {
		t.Errorf("code that begins with %s does not end", fence)
	}
}

// TestNoRequest holds that the page names nothing outside itself.
func TestNoRequest(t *testing.T) {
	text := htmlOf(t, mustReport(t, partOf(run()), partOf(lab()), partOf(probe())))
	rest := strings.ReplaceAll(text, `xmlns="http://www.w3.org/2000/svg"`, "")
	for _, bad := range []string{"http:", "https:", "//cdn", "url(", "@import", "src=", "fetch(", "XMLHttpRequest", "innerHTML", "eval("} {
		if strings.Contains(rest, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if !strings.Contains(text, "default-src &#39;none&#39;") {
		t.Error("the page does not forbid requests")
	}
}

// FuzzReport makes pages of results with any text in them and any figures.
func FuzzReport(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, uint64(i), int64(i-3), float64(i)/3)
	}
	f.Add("", uint64(1), int64(math.MinInt64), math.NaN())
	f.Add("x", uint64(2), int64(math.MaxInt64), math.Inf(-1))
	f.Fuzz(func(t *testing.T, text string, seed uint64, n int64, figure float64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := []func() *result.Result{run, lab, probe}[seed%3]()
		part := partOf(r)
		infest(reflect.ValueOf(&part).Elem(), text)
		disturb(reflect.ValueOf(r).Elem(), rng, n, figure)
		p := mustReport(t, part)
		checkHTML(t, htmlOf(t, p))
		checkMarkdown(t, markdownOf(t, p))
	})
}

// disturb puts other figures in the place of one in four, and takes optional ones
// and parts of lists away.
func disturb(v reflect.Value, rng *rand.Rand, n int64, figure float64) {
	hit := rng.IntN(4) == 0
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		if hit {
			v.SetInt(n)
		}
	case reflect.Float64:
		if hit {
			v.SetFloat(figure)
		}
	case reflect.Bool:
		v.SetBool(v.Bool() != hit)
	case reflect.Pointer:
		if hit && !v.IsNil() {
			v.SetZero()
		} else if !v.IsNil() {
			disturb(v.Elem(), rng, n, figure)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Type.PkgPath() != "time" {
				disturb(v.Field(i), rng, n, figure)
			}
		}
	case reflect.Slice:
		if hit && rng.IntN(4) == 0 {
			v.SetLen(rng.IntN(v.Len() + 1))
		}
		for i := range v.Len() {
			disturb(v.Index(i), rng, n, figure)
		}
	}
}
