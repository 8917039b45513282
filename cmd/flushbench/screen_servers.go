package main

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// What stands above and below the tables that hold servers against the engine.
const (
	ratioTitle = "SIDE BY SIDE"
	ratioAbout = "commits/s over those of the base, and what the base adds"
	pacedAbout = "what the base adds to a commit"
	workTitle  = "A COMMIT"
	workAbout  = "what it takes on a server and on the engine"
	workAlone  = "what it takes on a server"
)

// withEngine reports whether a setting of a server was measured on the engine too.
func withEngine(all []verdict.Beside) bool {
	return slices.ContainsFunc(all, func(b verdict.Beside) bool { return b.Engine != nil })
}

// ratioAboutOf is what stands above ratioGrid.
func ratioAboutOf(all []verdict.Beside) string {
	if closedLoop(all) {
		return ratioAbout
	}
	return pacedAbout
}

// closedLoop reports whether some cell had no rate, so that its commits/s say something.
func closedLoop(all []verdict.Beside) bool {
	return slices.ContainsFunc(all, func(b verdict.Beside) bool { return b.Rate == 0 })
}

// ratioNote explains what ratioGrid shows.
func ratioNote(all []verdict.Beside) string {
	text := "base: policy 1; added: p50 of the base less that of the setting"
	if withEngine(all) && closedLoop(all) {
		text += "; error: the engine's ratio over the server's, less 1"
	}
	if slices.ContainsFunc(all, func(b verdict.Beside) bool { return b.Buffering != "" }) {
		text += "; direct, buffered: the server's redo log without the page cache (innodb_log_file_buffering off), and through it"
	}
	if !withEngine(all) {
		text += ". --target engine,... puts the engine beside"
	}
	return strings.Join(verdict.Wrap(text, verdict.Width), "\n")
}

// workAboutOf is what stands above workGrid.
func workAboutOf(all []verdict.Beside) string {
	if withEngine(all) {
		return workAbout
	}
	return workAlone
}

// leastMark stands before a group that may be larger.
const leastMark = ">="

// workNote explains what workGrid shows.
func workNote(all []verdict.Beside) string {
	text := "CPU: of the server's processes, and of the clients"
	if withEngine(all) {
		text += " (the engine runs within them)"
	}
	text += "; flushes: all, of a server by its own count; group: commits a flush"
	if slices.ContainsFunc(all, func(b verdict.Beside) bool { return b.Server.Group > 0 && b.Server.GroupIsLeast }) {
		text += ", " + leastMark + " where the server does not tell those of its redo log from those of pages"
	}
	return strings.Join(verdict.Wrap(text, verdict.Width), "\n")
}

// onServers reports whether some cell ran on a real server.
func onServers(cells []*result.Cell) bool {
	return slices.ContainsFunc(cells, func(c *result.Cell) bool { return c.Params.Target != "" })
}

// serverLines say which real servers a run has, and how their redo logs are open.
func serverLines(r *result.Result) string {
	text := ""
	for i := range r.Environment.Servers {
		s := &r.Environment.Servers[i]
		line := s.Target + ": " + s.Version
		if s.Private {
			line += ", started for this run"
		} else {
			line += ", " + s.Address
		}
		if s.RedoLogFlags != "" {
			line += ", redo log open: " + s.RedoLogFlags
		}
		text += wrapped(line)
	}
	return text
}

// sideBySideText holds the servers of a run against the engine; "" without any.
func sideBySideText(r *result.Result, bold func(string) string) string {
	all := verdict.SideBySide(r)
	if len(all) == 0 {
		return ""
	}
	text := ""
	if g := ratioGrid(all); len(g.rows) > 0 {
		text += "\n" + bold(ratioTitle) + "  " + ratioAboutOf(all) + "\n" + g.String() + ratioNote(all) + "\n"
	}
	return text + "\n" + bold(workTitle) + "  " + workAboutOf(all) + "\n" + workGrid(all).String() + workNote(all) + "\n"
}

// besideName is a setting of a server, with what varies beside it.
func besideName(b *verdict.Beside) string {
	name := strings.TrimPrefix(b.Setting, "policy ")
	if words := bufferingText(b.Buffering); words != "" {
		name += " " + words
	}
	if b.Rate > 0 {
		name += " " + rate(b.Rate) + "/s"
	}
	return name
}

// bufferingText says how a server's redo log goes to the disk, where that is an axis.
func bufferingText(value string) string {
	switch value {
	case "on":
		return "buffered"
	case "off":
		return "direct"
	}
	return ""
}

// ratioGrid has a row for each setting of a server that has a base.
func ratioGrid(all []verdict.Beside) *grid {
	g := &grid{columns: []column{
		{head: "target", left: true}, {head: "setting", left: true}, {head: "base", left: true}, {head: "clients"},
		{head: "ratio"}, {head: "engine's"}, {head: "error"}, {head: "added ms"}, {head: "engine's"},
	}}
	for i := range all {
		b := &all[i]
		if !b.Server.Based {
			continue
		}
		row := []string{b.Target, besideName(b), strings.TrimPrefix(b.Base, "policy "), verdict.Count(float64(b.Clients)), verdict.Ratio(b.Server.Ratio.Ratio), none, none, addedText(&b.Server), none}
		if b.Engine != nil && b.Engine.Based {
			row[5], row[8] = verdict.Ratio(b.Engine.Ratio.Ratio), addedText(b.Engine)
		}
		if b.Rate > 0 {
			row[4], row[5] = none, none // all have the same
		}
		if e, ok := b.Error(); ok {
			row[6] = fmt.Sprintf("%+.0f %%", 100*e)
		}
		g.add(row...)
	}
	switch engine, closed := withEngine(all), closedLoop(all); {
	case !engine && !closed:
		g.without(4, 5, 6, 8)
	case !engine:
		g.without(5, 6, 8)
	case !closed:
		g.without(4, 5, 6)
	}
	return g
}

// addedText is what the base adds to a commit, in milliseconds.
func addedText(s *verdict.Side) string {
	if s.AddedNS < 0 {
		return "-" + millis(-s.AddedNS)
	}
	return millis(s.AddedNS)
}

// workGrid has a row for each setting of a server: CPU, flushes and groups.
func workGrid(all []verdict.Beside) *grid {
	g := &grid{columns: []column{
		{head: "target", left: true}, {head: "setting", left: true}, {head: "clients"}, {head: "CPU us"}, {head: "clients'"}, {head: "engine"},
		{head: "flushes"}, {head: "engine"}, {head: "group"}, {head: "engine"},
	}}
	known := func(v float64, ok bool) string {
		if !ok {
			return none
		}
		return short(v)
	}
	micros := func(ns float64) string { return known(ns/1e3, ns > 0) }
	count := func(v float64) string { return known(v, v >= 0) }
	group := func(s *verdict.Side) string {
		text := known(s.Group, s.Group > 0)
		if s.GroupIsLeast && text != none {
			text = leastMark + " " + text
		}
		return text
	}
	for i := range all {
		b := &all[i]
		row := []string{b.Target, besideName(b), verdict.Count(float64(b.Clients)), micros(b.Server.ServerCPUNS), micros(b.Server.ClientCPUNS), none,
			count(b.Server.Flushes), none, group(&b.Server), none}
		if e := b.Engine; e != nil {
			row[5], row[7], row[9] = micros(e.ClientCPUNS), count(e.Flushes), group(e)
		}
		g.add(row...)
	}
	if !withEngine(all) {
		g.without(5, 7, 9)
	}
	return g
}
