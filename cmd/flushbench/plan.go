package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/plots/report"
	"flushbench/workload/plan"
)

// The files of a plan, in the folder of --out.
const (
	planJSONFile     = "plan.json"
	planMarkdownFile = "plan.md"
)

// planOptions are the flags of plan.
type planOptions struct {
	o       plan.Objectives
	file    string
	from    []string
	results string
	out     string
	json    bool
	measure planMeasure
	format  format
}

func (o *planOptions) addFlags(fs *pflag.FlagSet) {
	for _, s := range o.o.Settings() {
		fs.Var(s.Value, s.Name, s.Help)
		f := fs.Lookup(s.Name)
		f.DefValue = "" // the zero value asks for nothing
		annotate(fs, s.Name, flagGroup, s.Group)
	}
	fs.StringVarP(&o.file, "file", "f", "", "take the objectives from this YAML `FILE`; flags win over it")
	fs.StringVar(&o.measure.file, "scenario", "", "take --tps and what is measured from this scenario `FILE`, as audit --write-scenario writes it; flags win over it")
	inGroup(fs, "Objectives", "file", "scenario")
	fs.StringArrayVar(&o.from, "from", nil, "decide by this saved `RESULT` (a folder, a file, latest, or a folder of results); may be repeated, or several given after it; without it the disk is measured")
	addResultsFlag(fs, &o.results)
	o.measure.addFlags(fs)
	inGroup(fs, "What is known", "from", "results", "dir", "workload", "background-io", "time-budget")
	addFormatFlag(fs, &o.format, formatTable, formatJSON, formatMarkdown)
	fs.BoolVar(&o.json, "json", false, "the same as --format json")
	fs.StringVar(&o.out, "out", "", "write "+planJSONFile+", "+planMarkdownFile+" and a page of the results to this `FOLDER`; by default to that of what was measured")
	fs.BoolVar(&o.measure.quiet, "quiet", false, "no progress on standard error")
	inGroup(fs, "Output", "format", "json", "out", "quiet")
	fs.SortFlags = false
}

// validate reads the file, if any, and checks the objectives.
func (o *planOptions) validate(flags *pflag.FlagSet) error {
	if o.json {
		o.format = formatJSON
	}
	if o.file != "" {
		data, err := os.ReadFile(o.file)
		if err != nil {
			return usageError(fmt.Errorf("--file: %w", err))
		}
		if err := o.o.Decode(data, flags.Changed); err != nil {
			return usageError(fmt.Errorf("--file %s: %w", o.file, err))
		}
	}
	if err := o.measure.readScenario(&o.o, flags.Changed); err != nil {
		return err
	}
	return usageError(o.o.Validate())
}

func newPlanCmd() *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan [flags] [RESULT...]",
		Short: "Say which setting meets your objectives on this disk (4 min)",
		Long: `Say which policy and sync_binlog meet what you need on a disk: commits a second,
latency, the most that a crash may take; with what headroom, for how long, at what
price; or what falls short, by how much, and which single change would help most.

With --from it decides by saved results of run, sweep, probe and crash, of one
disk or of several; without it measures this folder's disk first, and then sweeps
the pairs that the answer hangs on. Every figure is marked as measured or
modelled. The model of group commit is fitted on the results and checked on cells
that it was not fitted on; see docs/planning.md.

Exit code 0 when a setting meets it, 4 when none does, 2 when the results do not
decide it.`,
		Example: `  flushbench plan --tps 2000 --p99 20ms --max-loss os=0
  flushbench plan --from latest --tps 5000 --p99 10ms --headroom 30% \
      --max-loss process=0,os=1s,power=1s --traffic-growth 40%/y
  flushbench plan -f objectives.yaml --from results/A --from results/A-crash
  flushbench plan --tps 20k --p99 2ms --assume plp=yes --from latest --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd.Flags()); err != nil {
				return err
			}
			if o.from = append(o.from, args...); len(o.from) > 0 {
				if err := measuresOnly(cmd.Flags()); err != nil {
					return err
				}
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), time.Now())
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

// run loads or measures, decides for each disk, and prints.
func (o *planOptions) run(ctx context.Context, stdout, stderr io.Writer, today time.Time) error {
	results, err := o.load()
	measured := err == nil && len(results) == 0
	if measured {
		results, err = o.measure.run(ctx, stderr, &o.o, o.results)
	}
	if err != nil {
		return err
	}
	made, err := o.decide(results, today)
	if err != nil {
		return usageError(err)
	}
	if measured {
		swept, left, err := o.measure.sweep(ctx, stderr, &o.o, made[0].plan.ToSweep(), o.results)
		if err != nil {
			return err
		}
		if swept != nil {
			if made, err = o.decide(append(results, swept), today); err != nil {
				return usageError(err)
			}
		}
		made[0].plan.Unswept = left
	}
	plans := make([]*plan.Plan, len(made))
	for i := range made {
		plans[i] = made[i].plan
	}
	if err := o.write(stdout, plans); err != nil {
		return err
	}
	if err := o.writeFolder(stdout, made, plans); err != nil {
		return err
	}
	return planVerdict(plans)
}

// planFrom is a plan, and the results that it follows from.
type planFrom struct {
	plan *plan.Plan
	from []*result.Result
}

// decide decides for each group of hosts of each merge, and for each disk of the other
// results.
func (o *planOptions) decide(results []*result.Result, today time.Time) (made []planFrom, err error) {
	var merges, others []*result.Result
	for _, r := range results {
		if r.Merge != nil {
			merges = append(merges, r)
		} else {
			others = append(others, r)
		}
	}
	for _, m := range merges {
		var plans []*plan.Plan
		if plans, others, err = plan.DecideMerge(&o.o, m.Merge, others, today); err != nil {
			return nil, err
		}
		for _, p := range plans {
			made = append(made, planFrom{p, []*result.Result{m}})
		}
	}
	for _, disk := range plan.ByDisk(others) {
		e, err := plan.FromResults(disk)
		if err != nil {
			return nil, err
		}
		made = append(made, planFrom{plan.Decide(&o.o, e, today), disk})
	}
	return made, nil
}

// write prints the plans.
func (o *planOptions) write(w io.Writer, plans []*plan.Plan) error {
	switch o.format {
	case formatJSON:
		return writePlanJSON(w, plans)
	case formatMarkdown:
		_, err := io.WriteString(w, planPages(plans))
		return err
	}
	screens := make([]string, len(plans))
	for i, p := range plans {
		screens[i] = planScreen(p, bold(w))
	}
	_, err := io.WriteString(w, strings.Join(screens, "\n")+planSummary(plans))
	return err
}

// writePlanJSON writes one object for one disk, else a list.
func writePlanJSON(w io.Writer, plans []*plan.Plan) error {
	var v any = plans
	if len(plans) == 1 {
		v = plans[0]
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// planPages are the plans as Markdown.
func planPages(plans []*plan.Plan) string {
	var pages []string
	for _, p := range plans {
		pages = append(pages, planMarkdown(p))
		if p.Group == nil {
			continue
		}
		for _, e := range p.Group.Exceptions {
			if e.Plan != nil {
				pages = append(pages, planMarkdown(e.Plan))
			}
		}
	}
	return strings.Join(pages, "\n")
}

// planSummary says of several disks which setting serves all, or which need another.
func planSummary(plans []*plan.Plan) string {
	var order []string
	disks := map[string][]string{}
	count := 0
	add := func(p *plan.Plan, name string, hosts int) {
		use := p.Use
		switch {
		case p.Verdict == plan.No:
			use = "no setting"
		case p.Verdict == plan.Unknown:
			use = "not decided"
		}
		if disks[use] == nil {
			order = append(order, use)
		}
		disks[use] = append(disks[use], name)
		count += hosts
	}
	for _, p := range plans {
		if p.Group == nil {
			add(p, p.Disk.Headline, 1)
			continue
		}
		add(p, p.Disk.Headline, p.Group.Count())
		for _, e := range p.Group.Exceptions {
			if e.Plan != nil {
				add(e.Plan, e.Host, 1)
			}
		}
	}
	switch {
	case count < 2:
		return ""
	case len(order) == 1:
		return "\n" + label("ALL", fmt.Sprintf("%s on all %d disks.", order[0], count))
	}
	var lines []string
	for _, use := range order {
		lines = append(lines, fmt.Sprintf("%s: %s.", use, strings.Join(disks[use], "; ")))
	}
	return "\n" + label("ALL", lines...)
}

// planPart lets a page about a result begin with the plan that follows from it.
func planPart(p *plan.Plan, part *report.Part) {
	part.Title = "flushbench plan"
	if e := &part.Result.Environment; e.Host != "" {
		part.Title += " for " + e.Host
	} else if p.Group != nil {
		part.Title += " for " + p.Group.Name
	}
	part.Title += ", " + p.Made.UTC().Format("2006-01-02")
	part.Answer = []string{useSentence(p), "Asked: " + p.AskedText() + "."}
	for _, s := range p.Sections() {
		switch {
		case s.Label == "WARNING": // the page has its own
		case slices.Contains(answerLabels, s.Label):
			for _, text := range s.Sentences {
				if text != p.UseText() {
					part.Answer = append(part.Answer, text)
				}
			}
		default:
			part.Notes = append(part.Notes, report.Note{Label: s.Label[:1] + strings.ToLower(s.Label[1:]), Sentences: s.Sentences})
		}
	}
	if len(p.MySQL) > 0 {
		part.Notes = append(part.Notes, report.Note{Label: "MySQL, MariaDB", Code: p.MySQL}, report.Note{Label: "PostgreSQL", Code: p.PostgreSQL})
	}
	lead := planTables(p)
	part.Tables, part.Lead = append(lead, part.Tables...), len(lead)
}

// planVerdict is the exit code: a disk on which nothing meets the objectives counts
// more than one that is not decided.
func planVerdict(plans []*plan.Plan) error {
	unknown := 0
	for _, p := range plans {
		if p.Verdict == plan.No {
			return &codeError{exitGate, fmt.Errorf("plan: no setting meets the objectives on %s", hostinfoName(p))}
		}
		if p.Verdict == plan.Unknown {
			unknown++
		}
	}
	for _, p := range plans {
		if host := p.Group.Failing(); host != "" {
			return &codeError{exitGate, fmt.Errorf("plan: no setting meets the objectives on host %s of %s", host, p.Group.Name)}
		}
	}
	if unknown > 0 {
		return usagef("plan: not decided: what was measured does not show whether a setting meets the objectives")
	}
	return nil
}

// hostinfoName names a plan's disk in a message.
func hostinfoName(p *plan.Plan) string {
	if p.Group != nil && len(p.Group.Hosts) > 1 {
		return p.Group.Name
	}
	if p.Disk.Model != "" {
		return p.Disk.Model
	}
	if name, _, ok := strings.Cut(p.Disk.Headline, ":"); ok && name != "" {
		return name
	}
	return hostinfo.Headline(result.Environment{})
}
