package report

import (
	"strings"
	"testing"
)

// TestBreakable: a name breaks between its axes and at blanks and nowhere else, and is
// escaped.
func TestBreakable(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"1/100":                    "1/100",
		"speed,policy=1,clients=8": "speed,<wbr>policy=1,<wbr>clients=8",
		"512 B records, in order":  "512 B records, in order",
		"db-017":                   `<span class="whole">db-017</span>`,
		"a<b>,c=\"&'":              "a&lt;b&gt;,<wbr>c=&#34;&amp;&#39;",
		"<i>-":                     `<span class="whole">&lt;i&gt;-</span>`,
		strings.Repeat("a-", 13):   strings.Repeat("a-", 13),
	} {
		if got := string(Breakable(in)); got != want {
			t.Errorf("Breakable(%q) = %q; want %q", in, got, want)
		}
	}
}

// TestLeadAndStory: tables of the answer stand before the notes, in both forms, and a
// story is folded up behind what it comes to.
func TestLeadAndStory(t *testing.T) {
	part := partOf(run())
	part.Tables = append([]Table{{Title: "PAIRS", Columns: []Column{{"pair", true}}, Rows: [][]string{{"1/1"}}}}, part.Tables...)
	part.Lead = 1
	part.Notes = []Note{{Label: "Lasts", Sentences: []string{"Until 2028."}, Story: []string{"0.0 s: it begins."}, Code: []string{"[mysqld]"}}}
	html, md := htmlOf(t, mustReport(t, part)), markdownOf(t, mustReport(t, part))
	for name, form := range map[string]struct {
		text string
		want []string
	}{
		"html":     {html, []string{`class="answer"`, "<strong>PAIRS</strong>", "Until 2028.", "<details><summary>Step by step", "0.0 s: it begins.", "</details>", "[mysqld]", "<strong>SPEED</strong>"}},
		"markdown": {md, []string{"## Answer", "PAIRS", "Until 2028.", "Step by step:", "0.0 s: it begins.", "[mysqld]", "SPEED"}},
	} {
		at := 0
		for _, want := range form.want {
			i := strings.Index(form.text[at:], want)
			if i < 0 {
				t.Fatalf("%s: no %q behind the %d-th byte", name, want, at)
			}
			at += i
		}
		if n := strings.Count(form.text, "PAIRS"); n != 1 && name == "markdown" {
			t.Errorf("%s shows the table of the answer %d times", name, n)
		}
	}
	for _, lead := range []int{-1, 99} {
		part.Lead = lead
		if text := htmlOf(t, mustReport(t, part)); strings.Count(text, "<strong>PAIRS</strong>") != 1 {
			t.Errorf("with Lead %d the table is not there once", lead)
		}
	}
}
