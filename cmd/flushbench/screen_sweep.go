package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// sweepScreen is what sweep prints, from the result alone.
func sweepScreen(r *result.Result, folder string, bold func(string) string) string {
	var b strings.Builder
	b.WriteString(wrapped(runHeadline(r)))
	b.WriteString(elsewhereLines(r))
	b.WriteString(idleLine(r))
	b.WriteString(limitLine("this disk", r.Limit) + limitLine("the binlog's disk", r.BinlogLimit))
	if s := r.Sweep; s != nil {
		b.WriteString("\n" + bold("KNEE") + "   " + strings.Join(verdict.Wrap(sweepTitle(r), verdict.Width-7), "\n       ") + "\n")
		g := sweepGrid(s)
		b.WriteString(g.String() + "\n")
		b.WriteString(strings.Join(verdict.SweepBlock(s, verdict.Width), "\n") + "\n")
	}
	b.WriteString(warningLines(r))
	if r.Error != "" {
		b.WriteString(label("FAILED", r.Error))
	}
	if r.Interrupted {
		b.WriteString(label("PARTIAL", "Interrupted: what was found until then is kept."))
	}
	b.WriteString(resultLine(folder))
	return b.String()
}

// sweepTitle says what the table shows.
func sweepTitle(r *result.Result) string {
	s := r.Sweep
	text := "the most commits/s that hold"
	if s.Over == result.SweepOverClients {
		text = "the most clients of a closed loop that hold"
	}
	switch o := verdict.ObjectiveText(s.Objective); {
	case o != "":
		text += " " + o
	case s.Over == result.SweepOverClients:
		text = "clients of a closed loop until more carry no more"
	default:
		text = "the most commits/s that the disk keeps up with"
	}
	if s.Over == result.SweepOverRate && len(r.Cells) > 0 {
		text += fmt.Sprintf("; %s clients", verdict.Count(float64(r.Cells[0].Params.Clients)))
	}
	return text + fmt.Sprintf("; %s", timeLeft(time.Duration(s.SpentNS)))
}

// sweepGrid has a line for each pair.
func sweepGrid(s *result.Sweep) *grid {
	g := &grid{columns: []column{
		{head: "pair", left: true}, {head: "holds"}, {head: "fails"}, {head: "p99 ms"}, {head: "mean ms"},
		{head: "bound by", left: true}, {head: "rounds"}, {head: "settled", left: true},
	}}
	disturbed := slices.ContainsFunc(s.Pairs, func(p result.SweepPair) bool { return p.Knee.Disturbed > 0 })
	if disturbed {
		g.columns = append(g.columns, column{head: "disturbed"})
	}
	over := "commits/s"
	if s.Over == result.SweepOverClients {
		over = "clients"
	}
	g.columns[1].head = over + " hold"
	names := verdict.SweepNames(s)
	for i := range s.Pairs {
		k := &s.Pairs[i].Knee
		lo, hi, settled := none, none, none
		if k.Lo > 0 {
			lo, settled = verdict.Load(k.Lo)+unshown(k.LoShown), "no"
			if k.Settled {
				settled = "yes"
			}
		}
		if k.Hi > 0 {
			hi = verdict.Load(k.Hi) + unshown(k.HiShown)
		}
		cells := []string{names[i], lo, hi, knee(k.P99NS), knee(k.MeanNS), boundWords(k), verdict.Count(float64(k.Rounds)), settled}
		if disturbed {
			cells = append(cells, verdict.Count(float64(k.Disturbed)))
		}
		g.add(cells...)
	}
	return g
}

// sweepNote says what the question marks of the table mean; "" without one.
func sweepNote(s *result.Sweep) string {
	for i := range s.Pairs {
		if k := &s.Pairs[i].Knee; k.Lo > 0 && !k.LoShown || k.Hi > 0 && !k.HiShown {
			return "?: too few rounds show that end."
		}
	}
	return ""
}

// unshown marks an end that too few rounds stand behind.
func unshown(shown bool) string {
	if shown {
		return ""
	}
	return "?"
}

func knee(ns *float64) string {
	if ns == nil {
		return none
	}
	return millis(*ns)
}

// boundWords is what bounds a pair, in a word or two.
func boundWords(k *result.SweepKnee) string {
	switch k.Miss {
	case result.MissP99, result.MissP999, result.MissMean:
		return "latency"
	case result.MissPlateau:
		return "plateau"
	case "":
		if k.Ended == result.SweepDisturbed {
			return "hypervisor"
		}
		return "not found"
	}
	if words, ok := map[string]string{
		result.BoundFlush: "flush", result.BoundCPU: "CPU", result.BoundBandwidth: "bandwidth", result.BoundLogBuffer: "log buffer",
		result.BoundLogCapacity: "log capacity", result.BoundWriteBudget: "write budget",
	}[k.Bound]; ok {
		return words
	}
	return "saturated"
}
