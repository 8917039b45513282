package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/crash"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/servers"
	"flushbench/workload/crash/subject"
	"flushbench/workload/scenario"
)

// exitViolation: a crash took what the policy promises to keep.
const exitViolation = 3

// crashOptions are the flags of crash.
type crashOptions struct {
	m       crash.Matrix
	kinds   scenario.List[vfs.CrashKind]
	fs      scenario.List[lab.FSType]
	rate    scenario.Rate
	loads   scenario.List[scenario.Kind] // of --workload
	options []string                     // of --fs-options
	destroy string

	results, name      string
	noControls         bool
	quiet              bool
	dryRun             bool
	allowVolatile      bool
	besideLiveDatabase bool
	allowUnsafe        bool
	format             format
}

// notOfCrash are settings of a scenario that mean nothing to crashes.
var notOfCrash = []string{"rate", "flush-floor", "duration", "warmup", "rounds", "preset", "quick", "thorough", "log-dir", "dir", "client-mode", "seed", "max-write-bytes", "background-io", "cpu-latency"}

func (o *crashOptions) addFlags(fs *pflag.FlagSet) {
	s := &o.m.Scenario
	*s = scenario.Default()
	s.Clients, s.LogCapacity, s.Rows = scenario.List[int]{crash.DefaultClients}, scenario.List[scenario.Size]{crash.DefaultCapacity}, crash.DefaultRows
	s.MaxBinlogSize = crash.DefaultMaxBinlog
	o.m.Trials, o.m.Frozen, o.rate = crash.DefaultTrials, crash.DefaultFrozen, scenario.RateAuto
	o.fs = scenario.List[lab.FSType]{lab.Ext4}

	fs.TextVar(&o.kinds, "kinds", o.kinds, "`LIST` of crash kinds, by default all that can be had here: "+strings.Join(vfs.CrashKinds.Names(), ", "))
	fs.TextVar(&o.fs, "fs", o.fs, "`LIST` of file systems for os and power: "+strings.Join(lab.FSTypes.Names(), ", "))
	fs.StringArrayVar(&o.options, "fs-options", nil, "`mkfs:OPTIONS` or mount:OPTIONS of those file systems; may be given twice")
	fs.IntVar(&o.m.Trials, "trials", o.m.Trials, "`NUMBER` of crashes of each combination")
	fs.TextVar(&o.m.Frozen, "frozen-share", o.m.Frozen, "`SHARE` of them that stop the clients first, where figures are exact")
	fs.TextVar(&o.rate, "rate", o.rate, "commits a second of all clients, `RATE`, the same for all; auto: half of what policy 1 carries; 0: closed loop")
	fs.TextVar(&o.m.Points, "at", o.m.Points, "`LIST` of where in a commit to two logs the crash strikes: "+strings.Join(subject.Points.Names(), ", "))
	fs.TextVar(&o.m.Faults, "fault", o.m.Faults, "`LIST` of what fails before each crash: "+strings.Join(subject.Faults.Names(), ", ")+" (a flush; room on the disk)")
	fs.BoolVar(&o.noControls, "no-controls", false, "leave out the settings that are broken on purpose; then nothing shows that the lab can see")
	fs.Uint64Var(&o.m.Scenario.Seed, "seed", 0, "`NUMBER` that draws the moments and drives the clients; 0: a random one, named in the result")
	fs.Uint64Var(&o.m.TrialSeed, "trial-seed", 0, "run one trial again, with its own seed `NUMBER`")
	inGroup(fs, "What to crash", "kinds", "fs", "fs-options", "trials", "frozen-share", "rate", "at", "fault", "no-controls", "seed", "trial-seed")
	annotate(fs, "kinds", legalValues, vfs.CrashKinds.Names()...)
	annotate(fs, "fs", legalValues, lab.FSTypes.Names()...)
	annotate(fs, "at", legalValues, subject.Points.Names()...)
	annotate(fs, "fault", legalValues, subject.Faults.Names()...)

	fs.StringVar(&o.m.Scenario.Dir, "dir", ".", "existing `FOLDER` that images and files go to")
	fs.StringVar(&o.m.Device, "device", "", "for os: format this partition, `PATH`, instead of an image. All on it is lost")
	fs.StringVar(&o.destroy, "yes-destroy", "", "the `NAME` of that partition, instead of being asked for it")
	inGroup(fs, "Where", "dir", "device", "yes-destroy")
	o.addSettings(fs)

	fs.BoolVar(&o.allowVolatile, "allow-volatile", false, "work on a memory file system all the same")
	fs.BoolVar(&o.besideLiveDatabase, "beside-live-database", false, "work although a database server uses the disk, and slow it down")
	fs.BoolVar(&o.allowUnsafe, "allow-unsafe-server-settings", false, "crash a server whose server-set or server-option voids its policy, such as fsync=off")
	inGroup(fs, "Safety", "allow-volatile", "beside-live-database", "allow-unsafe-server-settings")
	addFormatFlag(fs, &o.format, formatTable, formatJSON, formatCSV)
	addNewResultFlag(fs, &o.results)
	fs.StringVar(&o.name, "name", "crash", "last part of the result folder's `NAME`")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	fs.BoolVar(&o.dryRun, "dry-run", false, "only say what would be crashed, and how long it takes")
	inGroup(fs, "Output", "format", "results", "name", "quiet", "dry-run")
	fs.SortFlags = false
}

// addSettings adds the scenario's flags that mean something to crashes.
func (o *crashOptions) addSettings(fs *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.SortFlags = false
	o.m.Scenario.AddFlags(all)
	all.VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Name == "workload": // here a list
			o.loads = scenario.List[scenario.Kind]{scenario.KindLog}
			fs.TextVar(&o.loads, f.Name, o.loads, "`LIST` of what a transaction does: "+strings.Join(scenario.Kinds.Names(), ", "))
			fs.Lookup(f.Name).Annotations = f.Annotations
		case !slices.Contains(notOfCrash, f.Name):
			fs.AddFlag(f)
		}
	})
	fs.TextVar(&o.m.Overwritten, "server-log-overwritten", o.m.Overwritten, "`LIST` of whether every block of a server's redo log was written before: off, on")
	annotate(fs, "server-log-overwritten", legalValues, "off", "on")
	inGroup(fs, "Real servers (all workloads but log)", "server-log-overwritten")
	aliases := all.GetNormalizeFunc()
	fs.SetNormalizeFunc(func(fs *pflag.FlagSet, name string) pflag.NormalizedName { return aliases(fs, name) })
}

// validate checks the flags and completes the matrix. named says which were
// given.
func (o *crashOptions) validate(named func(string) bool) error {
	s := &o.m.Scenario
	if s.Servers() && !named("binlog") && !named("sync-binlog") {
		s.Binlog = false // as the servers are by themselves
	}
	o.growing(named)
	if err := o.settle(); err != nil {
		return usageError(err)
	}
	if unsafe := append(s.ServerOption.Unsafe(), s.ServerSet.Unsafe()...); len(unsafe) > 0 && !o.allowUnsafe {
		return usagef("%s: void what the policy promises; add --allow-unsafe-server-settings to see it", strings.Join(unsafe, ", "))
	}
	for _, text := range o.options {
		to, options, ok := strings.Cut(text, ":")
		switch {
		case ok && to == "mkfs":
			o.m.Mkfs = append(o.m.Mkfs, strings.Fields(options)...)
		case ok && to == "mount":
			o.m.Mount = append(o.m.Mount, strings.Split(options, ",")...)
		default:
			return usagef("--fs-options %s: must be mkfs:OPTIONS or mount:OPTIONS, such as mount:data=journal", text)
		}
	}
	o.m.Rate, o.m.Control = o.rate, !o.noControls
	for _, v := range o.fs {
		o.m.FS = append(o.m.FS, v.String())
	}
	for _, err := range []error{twice("kinds", o.kinds), twice("fs", o.fs), twice("at", o.m.Points), twice("fault", o.m.Faults), twice("workload", o.loads),
		twice("server-log-overwritten", o.m.Overwritten)} {
		if err != nil {
			return err
		}
	}
	o.m.Kinds = o.kinds
	if !named("kinds") {
		o.m.Kinds = []vfs.CrashKind{vfs.CrashProcess, vfs.CrashOS, vfs.CrashPower}
		if slices.Contains(o.m.Faults, subject.ENOSPC) {
			o.m.Kinds = o.m.Kinds[1:] // nobody fills the folder's own file system
		}
	}
	return nil
}

// twice refuses a list that says something twice: its cells would have the same name.
func twice[T comparable](flag string, list []T) error {
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return usagef("--%s: %v stands in the list twice", flag, v)
		}
	}
	return nil
}

// growing lets the log grow where the disk is to run full, unless something else was
// asked for or the binlog grows already: a log with all its blocks would not notice.
func (o *crashOptions) growing(named func(string) bool) {
	s := &o.m.Scenario
	log := func(w scenario.Kind) bool {
		return !w.Transactional() || !bool(s.Binlog) || !slices.Contains(s.BinlogGrowth, vfs.GrowAppend)
	}
	if slices.Contains(o.m.Faults, subject.ENOSPC) && slices.ContainsFunc(o.loads, log) && !named("growth") {
		s.Growth = scenario.List[vfs.Growth]{vfs.GrowAppend}
	}
}

// settle checks the scenario with each workload, which may choose another one: that of
// servers.
func (o *crashOptions) settle() error {
	s := &o.m.Scenario
	var settled scenario.List[scenario.Kind]
	for _, w := range o.loads {
		s.Workload = w
		if err := s.Validate(); err != nil {
			return err
		}
		if !slices.Contains(settled, s.Workload) {
			settled = append(settled, s.Workload)
		}
	}
	if s.Workload = settled[0]; len(settled) > 1 {
		o.m.Workloads = settled
	}
	return s.CheckGiven(settled...)
}

func newCrashCmd() *cobra.Command {
	var o crashOptions
	cmd := &cobra.Command{
		Use:   "crash [flags]",
		Short: "Crash for real and count what is lost",
		Long: `Crash a process under load, again and again, and count which acknowledged commits
recovery does not bring back: by SIGKILL (process), by shutting its file system
down (os, a simulated kernel crash), by taking from the file system's device what
was never flushed (power, a simulated power cut). A judge of its own reads the disk
and compares with what was acknowledged.

os and power need root: they work on file systems of their own, in images below
--dir, in a mount namespace that vanishes with the command. Settings that are
broken on purpose run along; they must be caught. Exit code 3: something was lost
that the policy promises to keep.`,
		Example: `  flushbench crash                                 all that can be had here
  flushbench crash --kinds process --policy 0 --trials 20
  flushbench crash --kinds process,os,power --fs ext4,xfs --trials 20
  flushbench crash --workload bank --policy 0,1,2 --sync-binlog 0,1,100
  flushbench crash --workload bank,update,insert --policy 1 --trials 5
  flushbench crash --workload bank --policy 1 --at any,between-logs \
    --commit-protocol 2pc,redo-first,binlog-first   two-phase commit taken away
  flushbench crash --kinds os --flush-method direct --growth zero,append
  flushbench crash --fault eio --policy 1          a flush fails, then the crash
  flushbench crash --fault enospc --policy 1       the disk runs full
  flushbench crash --target mariadbd --server-log-buffering off,on
  flushbench crash --target postgres --policy 0,1`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := cmd.Flags()
			if err := o.validate(flags.Changed); err != nil {
				return err
			}
			return o.run(cmd.Context(), flags, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

func (o *crashOptions) run(ctx context.Context, flags *pflag.FlagSet, stdin io.Reader, stdout, stderr io.Writer) error {
	note, err := o.available(flags.Changed("kinds"), lab.Available)
	if err != nil {
		return usageError(err)
	}
	if o.m.TrialSeed != 0 {
		o.m.Control = false
	}
	plan, err := crash.PlanOf(o.m)
	if err != nil {
		return usageError(err)
	}
	if o.dryRun {
		return crashDryRun(stdout, &plan, note)
	}
	if err := checkWritable("results", o.results); err != nil {
		return err
	}
	if slices.ContainsFunc(o.m.Kinds, func(k vfs.CrashKind) bool { return k != vfs.CrashProcess }) {
		// A new start of the program, in a mount namespace of its own.
		if err := lab.Enter(); err != nil {
			return err
		}
	}
	bar := newProgress(stderr, o.quiet)
	if note != "" {
		bar.note("note: " + note)
	}
	backend := crash.Real()
	if o.m.Device != "" {
		d, err := confirmDevice(o.m.Device, o.destroy, stdin, stderr)
		if err != nil {
			return err
		}
		backend = crash.RealOn(d)
	}
	if o.m.Scenario.Servers() {
		backend = servers.New(backend)
	}
	defer bar.Close()
	bar.live(ctx, nil)
	res, folder, err := crash.Run(ctx, crash.Config{
		Plan: plan, Base: o.m.Scenario.Dir, ResultsDir: o.results, Name: o.name,
		AllowVolatile: o.allowVolatile, BesideLiveDatabase: o.besideLiveDatabase, ToolVersion: toolVersion(), CommandLine: os.Args,
		Progress: &crashProgress{bar: bar}, Backend: backend,
		Reproduce: func(c *crash.Cell, t crash.Trial, r scenario.Rate) string { return reproduceLine(flags, c, t, r) },
	})
	bar.Close()
	if res == nil {
		return err
	}
	if o.format == formatTable {
		_, writeErr := io.WriteString(stdout, crashScreen(res, folder, bold(stdout)))
		return crashExit(errors.Join(err, writeErr), res)
	}
	return crashExit(errors.Join(err, writeFormat(stdout, o.format, res)), res)
}

// crashExit turns what the trials found into the exit code. A violation comes
// first, also when the matrix was interrupted after it.
func crashExit(err error, r *result.Result) error {
	switch v := crash.VerdictOf(r); {
	case v == crash.Violated:
		return &codeError{exitViolation, errors.Join(errors.New("violation: a crash took what the policy promises to keep"), err)}
	case err != nil || v == crash.Sound:
		return err
	}
	return &codeError{exitFailed, errors.New("a control was not caught, or more was lost than predicted: these trials prove nothing")}
}

// available leaves out the crash kinds that cannot be had here, with a note; one
// that was asked for by name is refused.
func (o *crashOptions) available(named bool, check func(vfs.CrashKind, lab.FSType) error) (note string, err error) {
	var kinds []vfs.CrashKind
	var without []string
	for _, k := range o.m.Kinds {
		missing := o.missing(k, check)
		switch {
		case missing == nil:
			kinds = append(kinds, k)
		case named:
			return "", fmt.Errorf("--kinds %v: %w; %v works without", k, missing, vfs.CrashProcess)
		default:
			without = append(without, k.String())
			note = message(missing)
		}
	}
	if len(kinds) == 0 {
		return "", fmt.Errorf("no crash kind can be had here: %s", note)
	}
	o.m.Kinds = kinds
	if len(without) > 0 {
		note = fmt.Sprintf("%s left out: %s; %s runs", strings.Join(without, " and "), note, scenario.List[vfs.CrashKind](kinds))
	}
	return note, nil
}

// missing is what a crash kind lacks on the first file system that it lacks
// something on.
func (o *crashOptions) missing(k vfs.CrashKind, check func(vfs.CrashKind, lab.FSType) error) error {
	for _, fs := range o.fs {
		err := check(k, fs)
		if err == nil && k != vfs.CrashProcess {
			continue
		}
		if cause := errors.Unwrap(err); cause != nil {
			err = cause // the kind is named already
		}
		return err
	}
	return nil
}

// crashProgress shows a matrix on a progress bar.
type crashProgress struct{ bar *progress }

// Planned implements crash.Progress.
func (p *crashProgress) Planned(bytes int64, length time.Duration) {
	p.bar.note(fmt.Sprintf("crash takes up to %s on disk for a while, and about %s.", hostinfo.Bytes(bytes), timeLeft(length)))
}

// Step implements crash.Progress.
func (p *crashProgress) Step(i, n int, what string, left time.Duration) {
	p.bar.step(float64(i-1)/float64(max(n, 1)), left, what)
}

// Note implements crash.Progress.
func (p *crashProgress) Note(text string) { p.bar.note("note: " + text) }

// crashDryRun lists what would be crashed.
func crashDryRun(w io.Writer, plan *crash.Plan, note string) error {
	g := grid{columns: []column{{head: "cell", left: true}, {head: "trials"}}}
	trials := 0
	for i := range plan.Cells {
		c := &plan.Cells[i]
		g.add(c.Name, fmt.Sprint(c.Trials))
		trials += c.Trials
	}
	if note != "" {
		note = "note: " + note + "\n"
	}
	_, err := fmt.Fprintf(w, "%s%s%d cells, %d crashes, about %s.\n", note, g.String(), len(plan.Cells), trials, timeLeft(plan.Length()))
	return err
}
