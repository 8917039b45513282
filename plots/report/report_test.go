package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// What plots' own golden files hold: pictures, their titles and descriptions.
var (
	pictures     = regexp.MustCompile(`(?s)(<figure id="[^"]*">).*?(</figure>)`)
	pictureTitle = regexp.MustCompile(`(?m)^!\[.*\]\(`)
)

// TestGolden keeps both forms of a page, without the pictures, the style sheet and
// the script.
func TestGolden(t *testing.T) {
	for name, p := range map[string]*Report{
		"run": mustReport(t, partOf(run())), "crash": mustReport(t, partOf(lab())), "probe": mustReport(t, partOf(probe())),
		"three": mustReport(t, partOf(run()), partOf(probe()), partOf(lab())),
	} {
		text := htmlOf(t, p)
		text = strings.Replace(text, pageCSS, "...", 1)
		text = strings.Replace(text, pageJS, "...", 1)
		text = strings.Replace(text, attribute(policy), "...", 1)
		testenv.Golden(t, name+".html", pictures.ReplaceAllString(text, "$1...$2"))
		testenv.Golden(t, name+".md", pictureTitle.ReplaceAllString(markdownOf(t, p), "![...]("))
	}
}

// attribute is s as html/template writes it into an attribute.
func attribute(s string) string { return strings.NewReplacer("'", "&#39;", "+", "&#43;").Replace(s) }

// TestSentencesAreTheTerminals holds that the page says what the terminal says, word
// for word.
func TestSentencesAreTheTerminals(t *testing.T) {
	r := run()
	p := mustReport(t, partOf(r))
	html, md := htmlOf(t, p), markdownOf(t, p)
	sentences := slices.Concat(verdict.Answer(r), verdict.NotTested(r), verdict.DistanceWords(r))
	for _, c := range verdict.Claims(r) {
		sentences = append(sentences, c.Figures, c.Rule)
	}
	if len(sentences) < 15 {
		t.Fatalf("only %d sentences: %q", len(sentences), sentences)
	}
	for _, s := range sentences {
		if in := strings.NewReplacer("'", "&#39;", "+", "&#43;").Replace(s); !strings.Contains(html, in) {
			t.Errorf("the page lacks %q", s)
		}
		if !strings.Contains(md, escape(s)) {
			t.Errorf("the Markdown lacks %q", s)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	path, err := mustReport(t, partOf(run())).Write(dir)
	if err != nil || path != filepath.Join(dir, HTMLFile) {
		t.Fatalf("Write = %q, %v", path, err)
	}
	read := func(dir string) map[string]string {
		files := map[string]string{}
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				data, err := os.ReadFile(path)
				files[strings.TrimPrefix(path, dir)] = string(data)
				return err
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	first := read(dir)
	for _, m := range regexp.MustCompile(`\]\((plots/[^)]*)\)`).FindAllStringSubmatch(first["/"+MarkdownFile], -1) {
		if !strings.HasPrefix(first["/"+m[1]], "<svg ") {
			t.Errorf("the Markdown shows %s, which is no picture", m[1])
		}
	}
	// Again, elsewhere, from the file as it would be read: the same, byte for byte.
	data, err := result.Encode(run())
	if err != nil {
		t.Fatal(err)
	}
	later, err := result.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	again := t.TempDir()
	for range 2 {
		if _, err := mustReport(t, partOf(later)).Write(again); err != nil {
			t.Fatal(err)
		}
	}
	second := read(again)
	if len(first) != len(second) || len(first) < 5 {
		t.Errorf("%d files, then %d; want the same, and more than 4", len(first), len(second))
	}
	for name, text := range first {
		if second[name] != text {
			t.Errorf("%s came out differently the second time", name)
		}
	}
	// A folder that cannot be made is an error, and no page is left in halves.
	if _, err := mustReport(t, partOf(run())).Write(path); err == nil {
		t.Error("Write into a file: no error")
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(); err == nil || err.Error() != "report: no result to report" {
		t.Errorf("no part: %v", err)
	}
	if _, err := New(Part{Result: run()}, Part{}); err == nil || err.Error() != "report: part 2 of 2 has no result" {
		t.Errorf("no result: %v", err)
	}
}

// TestDegenerate holds that nothing but a page comes of a result that has nothing.
func TestDegenerate(t *testing.T) {
	for name, part := range map[string]Part{
		"empty":             {Result: &result.Result{}},
		"empty crash":       {Result: &result.Result{Kind: result.KindCrash}},
		"empty probe":       {Result: &result.Result{Kind: result.KindProbe, Probe: &result.Probe{}}},
		"rows of any width": {Result: run(), Tables: []Table{{Columns: []Column{{Head: "a"}}, Rows: [][]string{nil, {"1"}, {"1", "2"}}, Spans: []Span{{0, 7, "x"}, {3, 1, "y"}, {-1, 0, "z"}}}, {}}},
	} {
		p := mustReport(t, part)
		if html := htmlOf(t, p); !strings.HasSuffix(html, "</html>\n") {
			t.Errorf("%s: the page is cut short: %q", name, html[max(0, len(html)-100):])
		}
		checkHTML(t, htmlOf(t, p))
		checkMarkdown(t, markdownOf(t, p))
	}
}

// TestManyCells holds that a page of 500 cells stays small.
func TestManyCells(t *testing.T) {
	p := mustReport(t, manyCells())
	if n := len(htmlOf(t, p)); n > 5_000_000 {
		t.Errorf("a page of 500 cells has %d bytes; want at most 5,000,000", n)
	}
}

// manyCells is a run of 500 cells with their rows.
func manyCells() Part {
	r := run()
	first := r.Cells
	r.Cells = nil
	part := partOf(r)
	for i := range 500 {
		c := first[i%len(first)]
		c.Name = fmt.Sprintf("%s,%d", c.Name, i)
		c.Params.Clients += i
		r.Cells = append(r.Cells, c)
		part.Tables[0].Rows = append(part.Tables[0].Rows, []string{"1", "1,350", "(1,310..1,380)", "0.710"})
	}
	stats.SummarizeResult(r)
	return part
}

// BenchmarkReport500 is a page of 500 cells, written: below 3 s on any machine.
func BenchmarkReport500(b *testing.B) {
	part, dir := manyCells(), b.TempDir()
	for b.Loop() {
		if _, err := mustReport(b, part).Write(dir); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, ""},
		{[]string{"/tmp/x/flushbench"}, "flushbench"},
		{[]string{"fb", "run", "--dir", "/data/it's here", "--rate=2k", ""}, `flushbench run --dir '/data/it'\''s here' --rate=2k ''`},
		{[]string{"fb", "run", "-f", "$(rm -rf x)"}, `flushbench run -f '$(rm -rf x)'`},
	} {
		if got := commandLine(c.args); got != c.want {
			t.Errorf("commandLine(%q) = %s; want %s", c.args, got, c.want)
		}
	}
	r := run()
	if a := newAgain(r); !slices.ContainsFunc(a.Notes, func(s string) bool { return strings.Contains(s, "--seed 42") }) {
		t.Errorf("no seed in %q", a.Notes)
	}
	r.CommandLine = append(r.CommandLine, "--seed", "42")
	r.Complete = false
	if a := newAgain(r); len(a.Notes) != 2 || !strings.Contains(a.Notes[1], "ended early") {
		t.Errorf("notes %q; want no seed, and that it ended early", a.Notes)
	}
}

// TestSweep: the page of a sweep says where the knee lies and shows the search; the
// closed loop that only told where to begin is held against no limit, and no policy
// is recommended.
func TestSweep(t *testing.T) {
	p := mustReport(t, partOf(search()))
	page, md := htmlOf(t, p), markdownOf(t, p)
	for _, want := range []string{"1 carries 11,800 commits/s within p99 &lt;= 10ms, and not 12,100 (p99 is over the limit there).", "knee"} {
		if !strings.Contains(page, want) || !strings.Contains(md, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, no := range []string{"How far from the limit", "Not tested", "No paced cell", "throughput.svg"} {
		if strings.Contains(page, no) || strings.Contains(md, no) {
			t.Errorf("the page of a sweep says %q", no)
		}
	}
}
