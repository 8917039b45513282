package main

import (
	"fmt"
	"strings"
	"time"

	"flushbench/metrics/verdict"
	"flushbench/workload/judge"
	"flushbench/workload/plug"
)

// plugScreen is what plug verify prints.
func plugScreen(f *plug.Finding, bold func(string) string) string {
	var b strings.Builder
	b.WriteString(wrapped(plugHeadline(f)) + "\n")
	b.WriteString(label("WITNESS", fmt.Sprintf("%s commits in %s, in %s reports; the last one came at %s (the witness's clock). What came after it, about %s, is unknown.",
		verdict.Count(float64(f.Acked)), verdict.Span(int64(f.Loaded)), verdict.Count(float64(f.Reports)), f.Heard.Format("2006-01-02 15:04:05.000"), verdict.Span(int64(f.Gap)))))
	if f.Failure != "" {
		b.WriteString(label("ENGINE", "It met an error before the end: "+f.Failure))
	}
	b.WriteString(label("DISK", plugFound(&f.Outcome)))
	for i, v := range f.Outcome.Violations {
		if i == maxPlugViolations {
			b.WriteString(label("WRONG", fmt.Sprintf("and %d more (--format json has all)", len(f.Outcome.Violations)-i)))
			break
		}
		b.WriteString(label("WRONG", v))
	}
	b.WriteString(strings.Replace(label("VERDICT", plugVerdict(f)...), "VERDICT", bold("VERDICT"), 1))
	b.WriteString(label("NOT PROVED", strings.Join(plugNotProved(f), " | ")))
	if !f.Restarted {
		b.WriteString(label("WARNING", "this machine was not started again since the load. If only its process died, nothing was cut: what it wrote is in memory. It counts if the disk alone lost its power."))
	}
	b.WriteString(label("FILES", f.Folder+", as the cut left it (--remove removes it)"))
	return b.String()
}

// maxPlugViolations bounds the violations on a screen.
const maxPlugViolations = 5

// plugHeadline is the run, the machine it ran on and its load.
func plugHeadline(f *plug.Finding) string {
	s := &f.Subject
	load := "closed loop"
	if f.Rate > 0 {
		load = rate(f.Rate) + " commits/s"
	}
	name := "policy " + s.Engine.Commit.Policy.String()
	if s.Binlog() {
		name += fmt.Sprintf(", sync_binlog %d", s.Database.Stages.SyncBinlog)
	}
	return fmt.Sprintf("%s on %s; %s; %s, %v; %d clients, %s", f.Name, f.Host, s.Load.Kind, name, s.Engine.Method, s.Clients, load)
}

// plugFound counts what is on the disk.
func plugFound(o *judge.Outcome) string {
	if o.Unreadable {
		return "Recovery failed."
	}
	count := func(n int64) string { return verdict.Count(float64(n)) }
	text := fmt.Sprintf("All %s that were witnessed are there", count(o.Acked))
	if o.Lost > 0 {
		text = fmt.Sprintf("%s of the %s that were witnessed are gone, the oldest acknowledged %s before the last report", count(o.Lost), count(o.Acked), verdict.Span(o.LostAgeNs))
	}
	if o.UnackedPresent > 0 {
		text += fmt.Sprintf("; %s newer ones are there, too", count(o.UnackedPresent))
	}
	if o.EngineAhead > 0 || o.BinlogAhead > 0 {
		text += fmt.Sprintf("; the engine is ahead of the binlog by %s, the binlog of the engine by %s", count(o.EngineAhead), count(o.BinlogAhead))
	}
	return text + "."
}

// plugVerdict says what that means.
func plugVerdict(f *plug.Finding) []string {
	o := &f.Outcome
	switch o.Verdict {
	case judge.Kept:
		out := []string{"KEPT. Nothing that the witness has was lost."}
		if !o.Promise.All() {
			return append(out, "The policy promises no more than that a crash takes little: this says nothing of the disk. Cut a load under policy 1.")
		}
		if !f.Restarted {
			return append(out, "If the disk alone lost its power, it kept what it said it had flushed.")
		}
		return append(out, "In this cut the disk kept what it said it had flushed. One cut leaves a chance of up to 95 % that the next one is different, 10 cuts without a loss up to 26 %: pull again.")
	case judge.LostWithin:
		return []string{fmt.Sprintf("LOST %s commits (%s), and the policy allows it: at most %s were at risk.",
			verdict.Count(float64(gone(o))), verdict.Span(o.LostAgeNs), verdict.Count(float64(max(o.Predicted.Commits, gone(o)))))}
	case judge.NotPredicted:
		return []string{fmt.Sprintf("LOST %s commits (%s). The policy allows a loss, but how much was at risk is not known: %s. This cut proves nothing: pull again.",
			verdict.Count(float64(gone(o))), verdict.Span(o.LostAgeNs), plugDoubt(o.Predicted))}
	case judge.LostMore:
		flushed := ""
		if o.SafeGone > 0 {
			flushed = fmt.Sprintf(" %s of them had been flushed, as the engine was told.", verdict.Count(float64(o.SafeGone)))
		}
		return []string{fmt.Sprintf("LOST MORE than was at risk: %s commits (%s); it was %s at the most.%s",
			verdict.Count(float64(gone(o))), verdict.Span(o.LostAgeNs), verdict.Count(float64(o.Predicted.Commits)), flushed),
			"The disk, its controller or a layer above it does not keep all that it says it flushed."}
	}
	out := []string{"VIOLATION. What the policy promises to keep is gone or damaged."}
	if !f.Subject.Engine.Method.Durable() {
		return append(out, fmt.Sprintf("Flush method %v never flushes: the test has caught what it must catch.", f.Subject.Engine.Method))
	}
	return append(out, "Unless flushbench crash finds violations here, too, the disk, its controller or a layer above it does not keep what it says it flushed: do not trust it with data.")
}

// plugDoubt says why nobody knows what was at risk.
func plugDoubt(p *judge.Prediction) string {
	if p.Doubt != "" {
		return p.Doubt
	}
	return "the tracker had no room for all"
}

// gone is how many commits at least one log lacks.
func gone(o *judge.Outcome) int64 { return max(o.Lost, o.EngineAhead, o.BinlogAhead) }

// plugNotProved is what one cut leaves open.
func plugNotProved(f *plug.Finding) []string {
	out := []string{"that every cut ends like this one", "other load, file system or flush method"}
	if f.Subject.Engine.Method.Durable() && f.Outcome.Verdict == judge.Kept {
		out = append(out, "that the test can see here: cut a load with --flush-method none, which must be a violation")
	}
	return out
}

// plugRisk is what was at risk; its doubt counts only where something was lost.
func plugRisk(o *judge.Outcome) plugRiskJSON {
	r := plugRiskJSON{Commits: o.Predicted.Commits, AgeNS: o.Predicted.AgeNs}
	if o.Verdict == judge.NotPredicted {
		r.Doubt = plugDoubt(o.Predicted)
	}
	return r
}

type plugRiskJSON struct {
	Commits int64  `json:"commits"`
	AgeNS   int64  `json:"age_ns"`
	Doubt   string `json:"doubt,omitempty"` // why this proves nothing
}

// plugJSON is plugScreen for programs.
func plugJSON(f *plug.Finding) any {
	o := &f.Outcome
	s := &f.Subject
	return struct {
		Name           string       `json:"name"`
		ID             plug.ID      `json:"id"`
		Folder         string       `json:"folder"`
		Host           string       `json:"host"`
		Workload       string       `json:"workload"`
		Policy         string       `json:"policy"`
		FlushMethod    string       `json:"flush_method"`
		Clients        int          `json:"clients"`
		Rate           float64      `json:"rate"`
		Seed           uint64       `json:"seed"`
		Opened         time.Time    `json:"opened"`
		Heard          time.Time    `json:"heard"`
		Restarted      bool         `json:"restarted"`
		Reports        uint64       `json:"reports"`
		LoadedNS       int64        `json:"loaded_ns"`
		GapNS          int64        `json:"gap_ns"`
		Failure        string       `json:"failure,omitempty"`
		Verdict        string       `json:"verdict"`
		Acked          int64        `json:"acked"`
		Recovered      int64        `json:"recovered"`
		Lost           int64        `json:"lost"`
		LostAgeNS      int64        `json:"lost_age_ns"`
		EngineAhead    int64        `json:"engine_ahead"`
		BinlogAhead    int64        `json:"binlog_ahead"`
		SafeGone       int64        `json:"safe_gone"` // of those lost, flushed before
		UnackedPresent int64        `json:"unacked_present"`
		AtRisk         plugRiskJSON `json:"at_risk"`
		Violations     []string     `json:"violations"`
	}{
		f.Name, f.ID, f.Folder, f.Host, s.Load.Kind.String(), s.Engine.Commit.Policy.String(), s.Engine.Method.String(), s.Clients, f.Rate, s.Seed,
		f.Opened.UTC(), f.Heard.UTC(), f.Restarted, f.Reports, int64(f.Loaded), int64(f.Gap), f.Failure,
		o.Verdict, o.Acked, o.Recovered, o.Lost, o.LostAgeNs, o.EngineAhead, o.BinlogAhead, o.SafeGone, o.UnackedPresent,
		plugRisk(o), append([]string{}, o.Violations...),
	}
}
