package main

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
	"flushbench/workload/audit"
	"flushbench/workload/target"
)

// productNames are the names of the products as their makers write them.
var productNames = map[target.Product]string{target.MariaDB: "MariaDB", target.MySQL: "MySQL", target.PostgreSQL: "PostgreSQL"}

// auditScreen is what audit prints.
func auditScreen(r *audit.Report, bold func(string) string) string {
	var b strings.Builder
	b.WriteString(wrapped(fmt.Sprintf("%s %s at %s", productNames[r.Product], shortVersion(r.Server), r.Address)))
	for i := range r.Places {
		p := &r.Places[i]
		e := result.Environment{Host: audit.HoldsText(r.Product, p), Filesystem: p.Filesystem, MountSource: p.MountSource, Volatile: p.Volatile, Device: p.Device}
		text := hostinfo.Headline(e)
		b.WriteString(wrapped(strings.ToUpper(text[:1]) + text[1:]))
	}
	b.WriteString("\n")
	answer := label("ANSWER", r.Answer...)
	b.WriteString(bold(answer[:6]) + answer[6:] + "\n")
	b.WriteString(auditSettings(r).String() + "\n")
	b.WriteString("A CRASH MAY TAKE  of what was acknowledged" + presentRate(r) + "\n" + auditCrashes(r).String() + "\n")
	b.WriteString(label("LOAD", loadText(r)))
	for _, grade := range audit.Grades.All() {
		var texts []string
		for _, f := range r.Findings {
			if f.Grade == grade {
				texts = append(texts, findingText(&f, r.Next))
			}
		}
		if len(texts) > 0 {
			b.WriteString(label(strings.ToUpper(grade.String()), texts...))
		}
	}
	steps := make([]string, len(r.Next))
	for i, s := range r.Next {
		steps[i] = s.Why + ": " + s.Command
	}
	b.WriteString(label("NEXT", steps...))
	if len(r.Unknown) > 0 {
		b.WriteString(label("NOT SEEN", strings.Join(r.Unknown, " | ")))
	}
	b.WriteString(label("NOT PROVED", "settings are read, no crash was made: the real loss (crash) | what the drive keeps (plug) | what a session sets for itself alone"))
	return b.String()
}

// shortVersion is a version without what the packager put behind it.
func shortVersion(v string) string {
	if end := strings.IndexAny(v, "- "); end > 0 {
		return v[:end]
	}
	return v
}

// findingText is a finding with what mends it, unless that stands among the next
// steps.
func findingText(f *audit.Finding, next []audit.Step) string {
	said := func(s audit.Step) bool { return strings.Contains(s.Command, f.Fix) }
	if f.Fix == "" || slices.ContainsFunc(next, said) {
		return f.Text
	}
	return f.Text + " Mend: " + f.Fix + "."
}

// widestValue is how much of a setting's value is shown, in columns.
const widestValue = 17

// auditSettings has a row for each setting that decides.
func auditSettings(r *audit.Report) *grid {
	g := &grid{columns: []column{{head: "setting", left: true}, {head: "value", left: true}, {head: "means", left: true}}}
	for _, m := range r.Settings {
		value := m.Value
		switch {
		case value == "":
			value = none
		case width(value) > widestValue:
			value = string([]rune(value)[:widestValue-2]) + ".."
		}
		g.add(m.Name, value, m.Means)
	}
	return g
}

// auditCrashes has a row for each kind of crash.
func auditCrashes(r *audit.Report) *grid {
	g := &grid{columns: []column{{head: "crash", left: true}, {head: "tables", left: true}}}
	binlog := r.Crashes[0].Binlog != nil
	if binlog {
		g.columns = append(g.columns, column{head: "binlog", left: true})
	}
	g.columns = append(g.columns, column{head: "commits"}, column{head: "pages", left: true})
	for i := range r.Crashes {
		c := &r.Crashes[i]
		row := []string{audit.KindName(c.Kind), audit.CellText(c.Tables)}
		if binlog {
			row = append(row, audit.CellText(*c.Binlog))
		}
		commits, pages := "?", "whole"
		if c.Commits != nil {
			commits = verdict.Count(*c.Commits)
		}
		if c.Damaged {
			pages = "DAMAGED"
		}
		g.add(append(row, commits, pages)...)
	}
	return g
}

// presentRate is what the commits of auditCrashes are counted at.
func presentRate(r *audit.Report) string {
	if r.Load.CommitsPS == nil {
		return ""
	}
	if *r.Load.CommitsPS == 0 {
		return "; it was at rest: no commit was seen"
	}
	return "; commits at " + rate(*r.Load.CommitsPS) + "/s"
}

// loadText is the load in a sentence.
func loadText(r *audit.Report) string {
	l := &r.Load
	parts := []string{}
	if l.CommitsPS != nil {
		parts = append(parts, rate(*l.CommitsPS)+" commits/s")
	}
	if l.FlushesPS != nil {
		parts = append(parts, rate(*l.FlushesPS)+" flushes/s"+perFlush(l))
	}
	var bytes []string
	if l.RedoBytes != nil {
		bytes = append(bytes, verdict.Count(*l.RedoBytes)+" B of redo log")
	}
	if l.BinlogBytes != nil && *l.BinlogBytes > 0 {
		bytes = append(bytes, verdict.Count(*l.BinlogBytes)+" B of binlog")
	}
	if len(bytes) > 0 {
		parts = append(parts, strings.Join(bytes, " and ")+" a commit")
	}
	if l.Active != nil {
		parts = append(parts, fmt.Sprintf("%.1f sessions at work", *l.Active))
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing is counted")
	}
	return fmt.Sprintf("%s, over %.1f s.", strings.Join(parts, ", "), l.Seconds)
}

// perFlush says how many commits shared a flush.
func perFlush(l *audit.Load) string {
	if l.CommitsPS == nil || *l.CommitsPS == 0 || *l.FlushesPS == 0 {
		return ""
	}
	if *l.CommitsPS >= *l.FlushesPS {
		return fmt.Sprintf(" (%s commits a flush)", verdict.Ratio(*l.CommitsPS / *l.FlushesPS))
	}
	return fmt.Sprintf(" (%s a commit)", verdict.Ratio(*l.FlushesPS / *l.CommitsPS))
}
