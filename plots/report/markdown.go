package report

import (
	"fmt"
	"strings"
)

// markdown returns the page as Markdown of GitHub's kind.
func (p *page) markdown() string {
	var b strings.Builder
	for i := range p.Parts {
		p.Parts[i].markdown(&b)
	}
	if len(p.Claims) > 0 {
		b.WriteString("## Folklore, claim by claim\n\n| claim | here | figures |\n| :-- | :-- | :-- |\n")
		for _, c := range p.Claims {
			fmt.Fprintf(&b, "| %s | **%s** | %s |\n", escape(c.Says), escape(string(c.Outcome)), escape(c.Figures))
		}
		b.WriteString("\nWhat decides each:\n\n")
		for _, c := range p.Claims {
			fmt.Fprintf(&b, "- %s: %s\n", escape(c.Says), escape(c.Rule))
		}
	}
	for i := range p.Parts {
		p.Parts[i].markdownEnd(&b, len(p.Parts) > 1)
	}
	b.WriteString("\nAll of this page was computed from `result.json`; `flushbench report` makes it again.\n")
	return b.String()
}

// markdown writes what was found.
func (p *part) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "# %s\n\n", escape(p.Title))
	for i, h := range p.Head {
		if i > 0 {
			b.WriteString("  \n")
		}
		b.WriteString(escape(h))
	}
	b.WriteString("\n\n## Answer\n\n")
	for _, s := range p.Answer {
		b.WriteString(escape(s) + "\n\n")
	}
	if p.Failed != "" {
		fmt.Fprintf(b, "**Failed:** %s\n\n", escape(p.Failed))
	}
	if len(p.Not) > 0 {
		fmt.Fprintf(b, "**%s:** %s.\n\n", p.NotLabel, escape(strings.Join(p.Not, "; ")))
	}
	for i := range p.Lead {
		p.Lead[i].markdown(b)
	}
	for i := range p.Notes {
		p.Notes[i].markdown(b)
	}
	if len(p.Warnings) > 0 {
		b.WriteString("## Warnings\n\n")
		for _, w := range p.Warnings {
			b.WriteString("- " + escape(w) + "\n")
		}
		b.WriteString("\n")
	}
	if len(p.Tables) > 0 {
		b.WriteString("## Figures\n\n")
		for i := range p.Tables {
			p.Tables[i].markdown(b)
		}
	}
	if len(p.Checks) > 0 {
		b.WriteString("## Checks\n\n")
		for _, c := range p.Checks {
			fmt.Fprintf(b, "- **%s** %s\n", escape(c.Status), escape(c.Text))
		}
		b.WriteString("\n")
	}
	if len(p.Distance) > 0 || p.Limit != nil {
		b.WriteString("## How far from the limit, and why\n\n")
		for _, s := range p.Distance {
			b.WriteString(escape(s) + "\n\n")
		}
		if p.Limit != nil {
			p.Limit.markdown(b)
		}
	}
	if len(p.Pictures) > 0 {
		b.WriteString("## Pictures\n\n")
		for _, pic := range p.Pictures {
			fmt.Fprintf(b, "![%s](%s/%s)\n\n", escape(pic.Title), PictureDir, pic.File)
		}
	}
	if p.Trials != nil {
		b.WriteString("## Crash trials, one by one\n\n")
		p.Trials.markdown(b)
	}
}

// markdown writes the trials that are not folded in HTML, and where the others are.
func (l *trialList) markdown(b *strings.Builder) {
	l.Open.markdown(b)
	left := l.Left
	if l.Folded != nil {
		left += len(l.Folded.Rows)
	}
	if text := more(left); text != "" {
		b.WriteString(escape(text) + "\n\n")
	}
}

func (n *Note) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "## %s\n\n", escape(n.Label))
	for _, s := range n.Sentences {
		b.WriteString("- " + escape(s) + "\n")
	}
	if len(n.Story) > 0 {
		b.WriteString("\nStep by step:\n\n")
		for _, s := range n.Story {
			b.WriteString("- " + escape(s) + "\n")
		}
	}
	if len(n.Code) > 0 {
		b.WriteString("\n    " + strings.Join(n.Code, "\n    ") + "\n")
	}
	b.WriteString("\n")
}

// markdownEnd writes where and how it was measured.
func (p *part) markdownEnd(b *strings.Builder, several bool) {
	of := ""
	if several {
		of = ": " + escape(p.Title)
	}
	fmt.Fprintf(b, "\n## Machine and disk%s\n\n| | |\n| :-- | :-- |\n", of)
	for _, f := range p.Machine {
		fmt.Fprintf(b, "| %s | %s |\n", escape(f.Name), escape(f.Value))
	}
	fmt.Fprintf(b, "\n## Measure it again%s\n\n", of)
	if p.Again.Command == "" {
		b.WriteString("The command line was not kept.\n")
	} else {
		b.WriteString(fenced(p.Again.Command))
	}
	for _, n := range p.Again.Notes {
		b.WriteString("\n" + escape(n) + "\n")
	}
	if p.Again.Fio != "" {
		b.WriteString("\nThe same with fio:\n\n" + fenced(p.Again.Fio))
	}
}

// markdown writes a table. Titles over columns become part of the heads, since
// Markdown has one row of heads.
func (t *Table) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "**%s**", escape(t.Title))
	if t.About != "" {
		b.WriteString(" " + escape(t.About))
	}
	b.WriteString("\n\n|")
	over := make([]string, len(t.Columns))
	for _, s := range t.Spans {
		for i := s.From; i <= s.To && s.From > 0; i++ {
			over[i] = s.Title + " "
		}
	}
	for i, c := range t.Columns {
		b.WriteString(" " + escape(over[i]+c.Head) + " |")
	}
	b.WriteString("\n|")
	for _, c := range t.Columns {
		if c.Left {
			b.WriteString(" :-- |")
		} else {
			b.WriteString(" --: |")
		}
	}
	for _, row := range t.Rows {
		b.WriteString("\n|")
		for _, text := range row {
			b.WriteString(" " + escape(text) + " |")
		}
	}
	b.WriteString("\n\n")
	if t.Note != "" {
		b.WriteString(escape(t.Note) + "\n\n")
	}
}

// escapes make a text plain wherever it stands: no tags, no emphasis, no links, no
// columns, nobody mentioned.
var escapes = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "&#64;", `\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"|", `\|`, "~", `\~`, "#", `\#`, "!", `\!`, "$", `\$`, "://", `:\//`, "www.", `www\.`,
)

// escape returns s as text of Markdown that means s, wherever in a line it stands.
func escape(s string) string {
	s = escapes.Replace(s)
	// A list, a rule or a heading begins with these only at the begin of a line.
	if s != "" && strings.ContainsRune("-+=", rune(s[0])) {
		return `\` + s
	}
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if digits > 0 && digits < len(s) && (s[digits] == '.' || s[digits] == ')') && (digits+1 == len(s) || s[digits+1] == ' ') {
		return s[:digits] + `\` + s[digits:]
	}
	return s
}

// fenced returns s, one line, as a block of code.
func fenced(s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + "\n" + s + "\n" + fence + "\n"
}
