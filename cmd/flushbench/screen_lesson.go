package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
	"flushbench/plots/report"
	"flushbench/workload/lesson"
)

// listLessons prints which lessons there are.
func listLessons(w io.Writer, lessons []lesson.Lesson, out format) error {
	if out == formatJSON {
		return listLessonsJSON(w, lessons)
	}
	g := &grid{columns: []column{{head: "lesson", left: true}, {head: "about", left: true}, {head: "what it shows", left: true}}}
	for i := range lessons {
		l := &lessons[i]
		g.add(l.Name, fmt.Sprintf("%2d s%s", int(l.Takes.Seconds()), rootMark(l)), l.Title)
	}
	legend := "*: shows more as root"
	if slices.ContainsFunc(lessons, func(l lesson.Lesson) bool { return l.Needs == lesson.NeedsRoot }) {
		legend += "; **: says without root only that it needs it"
	}
	_, err := fmt.Fprintf(w, "%s\n%s.\nflushbench lesson NAME tells one, flushbench lesson all every one.\n", g.String(), legend)
	return err
}

// rootMark says what root means to a lesson.
func rootMark(l *lesson.Lesson) string {
	switch {
	case l.Needs == lesson.NeedsRoot:
		return "**"
	case l.WithRoot != "":
		return "*"
	}
	return ""
}

// listLessonsJSON prints the list for programs.
func listLessonsJSON(w io.Writer, lessons []lesson.Lesson) error {
	type entry struct {
		Name      string `json:"name"`
		Title     string `json:"title"`
		Claim     string `json:"claim"`
		Rule      string `json:"rule"`
		NeedsRoot bool   `json:"needs_root"`
		WithRoot  string `json:"with_root"` // what root adds; "": nothing
		TakesNS   int64  `json:"takes_ns"`
		Bytes     int64  `json:"bytes"` // the most that it writes
	}
	var all []entry
	for _, l := range lessons {
		all = append(all, entry{l.Name, l.Title, l.Claim, l.Rule, l.Needs == lesson.NeedsRoot, l.WithRoot, l.Takes.Nanoseconds(), l.Bytes})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(all)
}

// lessonScreen is what lesson prints, from the result alone.
func lessonScreen(r *result.Result, folder string, bold func(string) string) string {
	var b strings.Builder
	for i := range r.Lessons {
		b.WriteString(lessonStory(&r.Lessons[i], bold) + "\n")
	}
	b.WriteString(lessonEnd(r, folder))
	return b.String()
}

// lessonEnd is what stands below the stories: the machine they were told on, and
// where the result is.
func lessonEnd(r *result.Result, folder string) string {
	var b strings.Builder
	b.WriteString(wrapped(hostinfo.Headline(r.Environment)))
	b.WriteString(warningLines(r))
	if len(r.Lessons) > 1 {
		b.WriteString(lessonSum(r).String())
	}
	if r.Error != "" {
		b.WriteString(label("FAILED", r.Error))
	}
	if !r.Complete && r.Error == "" {
		b.WriteString(label("PARTIAL", "Ended early: the lessons that were told to their end are kept."))
	}
	b.WriteString(resultLine(folder))
	return b.String()
}

// lessonSum has a row for each lesson.
func lessonSum(r *result.Result) *grid {
	g := &grid{columns: []column{{head: "lesson", left: true}, {head: "claim", left: true}, {head: "here", left: true}}}
	for i := range r.Lessons {
		l := &r.Lessons[i]
		for k, line := range verdict.Wrap(l.Claim, 40) {
			if k == 0 {
				g.add(l.Name, line, l.Outcome)
				continue
			}
			g.add("", line)
		}
	}
	return g
}

// lessonStory is one lesson: its steps with their times, its tables, and the end.
func lessonStory(l *result.Lesson, bold func(string) string) string {
	var b strings.Builder
	name := strings.ToUpper(l.Name)
	title := strings.Join(verdict.Wrap(name+"  "+l.Title, verdict.Width), "\n")
	b.WriteString(strings.Replace(title, name, bold(name)+" ", 1) + "\n")
	if len(l.Steps) > 0 {
		b.WriteString("\n")
	}
	for i := range l.Steps {
		s := &l.Steps[i]
		text := strings.TrimLeft(s.Text, " ")
		at := fmt.Sprintf("%5.1f s  ", time.Duration(s.AtNS).Seconds())
		if text != s.Text { // it says more about the one before
			at = strings.Repeat(" ", width(at)+len(s.Text)-len(text))
		}
		b.WriteString(hanging(at, text))
	}
	for i := range l.Tables {
		t := &l.Tables[i]
		b.WriteString("\n" + wrapped(t.Title) + lessonGrid(t).String())
	}
	b.WriteString("\n")
	for _, line := range lessonLines(l) {
		b.WriteString(strings.Replace(hanging(fmt.Sprintf("%-10s", line.label), line.text), line.label, bold(line.label), 1))
	}
	return b.String()
}

// lessonLine is one of the lines that end a lesson.
type lessonLine struct{ label, text string }

// lessonLines are the end of a lesson: what was claimed, what was measured, what
// follows.
func lessonLines(l *result.Lesson) []lessonLine {
	lines := []lessonLine{{"CLAIM", l.Claim}}
	if l.Measured != "" {
		lines = append(lines, lessonLine{"MEASURED", l.Measured})
	}
	lines = append(lines, lessonLine{"HERE", verdict.LessonVerdict(l)})
	if l.Advice != "" {
		lines = append(lines, lessonLine{"KEPT BY", strings.TrimSuffix(l.Advice, ".") + "."})
	}
	for _, text := range l.Limits {
		lines = append(lines, lessonLine{"NOTE", text})
	}
	return lines
}

// lessonGrid is a table of a lesson. A column stands left unless each of its cells
// begins with a digit, a sign or a dash.
func lessonGrid(t *result.LessonTable) *grid {
	g := &grid{rows: t.Rows}
	for i, head := range t.Head {
		c := column{head: head}
		for _, row := range t.Rows {
			if i < len(row) && row[i] != "" && !strings.ContainsRune("0123456789-+<>~", rune(row[i][0])) {
				c.left = true
			}
		}
		g.columns = append(g.columns, c)
	}
	return g
}

// hanging wraps text to the screen behind a lead, below which its other lines hang.
func hanging(lead, text string) string {
	var b strings.Builder
	for i, line := range verdict.Wrap(text, verdict.Width-width(lead)) {
		if i > 0 {
			lead = strings.Repeat(" ", width(lead))
		}
		b.WriteString(lead + line + "\n")
	}
	return b.String()
}

// lessonPart is a result of lessons for a page.
func lessonPart(r *result.Result) report.Part {
	p := report.Part{Result: r, Head: []string{hostinfo.Headline(r.Environment)}}
	if len(r.Lessons) > 1 {
		p.Answer = []string{verdict.LessonsAnswer(r)}
	}
	for i := range r.Lessons {
		l := &r.Lessons[i]
		p.Answer = append(p.Answer, fmt.Sprintf("%s: “%s” %s", l.Name, l.Claim, verdict.LessonVerdict(l)))
		var story []string
		for k := range l.Steps {
			s := &l.Steps[k]
			story = append(story, fmt.Sprintf("%.1f s: %s", time.Duration(s.AtNS).Seconds(), strings.TrimLeft(s.Text, " ")))
		}
		var said []string
		for _, line := range lessonLines(l) {
			said = append(said, strings.ToUpper(line.label[:1])+strings.ToLower(line.label[1:])+": "+line.text)
		}
		p.Notes = append(p.Notes, report.Note{Label: l.Name, Sentences: said, Story: story})
		for k := range l.Tables {
			p.Tables = append(p.Tables, pageTableOf(l.Name, l.Tables[k].Title, lessonGrid(&l.Tables[k]), ""))
		}
	}
	return p
}
