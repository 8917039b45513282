package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// The groups of commands in help.
const (
	groupMeasure = "measure"
	groupLook    = "look"
	groupResults = "results"
	groupRecover = "recover"
	groupSetup   = "setup"
)

// Commands are listed as they are added, by what a stranger needs first.
func init() { cobra.EnableCommandSorting = false }

// newRootCmd returns the whole command tree. started is set when a command's
// own code begins: errors before that are the user's.
func newRootCmd(started *bool) *cobra.Command {
	root := &cobra.Command{
		Use:   "flushbench",
		Short: "Measure what a redo log flush policy costs and risks on this disk",
		Long: `flushbench measures innodb_flush_log_at_trx_commit = 0, 1 and 2 on the disk
under a folder: throughput, latency, flushes, and how much a crash of the
process, of the kernel or of the power could take, each next to the limit of
the disk. Measuring writes only in a folder of its own and removes it at the
end.`,
		Example: `  flushbench run                       the answer for this folder's disk, 90 s
  flushbench probe --dir /var/lib/x    what that disk's flushes cost, 20 s
  flushbench probe --gentle            the same, safe beside a live database
  flushbench info                      what this disk is, without writing to it
  flushbench recover DIR               what a crash left in DIR, recovered`,
		Version:       toolVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkNoEmptyValue(cmd); err != nil {
				return err
			}
			*started = true
			return nil
		},
	}
	root.SetVersionTemplate("flushbench {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: groupMeasure, Title: "Measure (writes in a folder of its own):"},
		&cobra.Group{ID: groupLook, Title: "Look (changes nothing):"},
		&cobra.Group{ID: groupResults, Title: "Results (of earlier measurements):"},
		&cobra.Group{ID: groupRecover, Title: "Recover (writes in the folder that it is given):"},
		&cobra.Group{ID: groupSetup, Title: "Set up:"},
	)
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupMeasure, newRunCmd(), newProbeCmd(), newSweepCmd(), newCrashCmd(), newCrashVictimCmd(), newLessonCmd(), newTraceCmd(), newPlugCmd())
	add(groupLook, newInfoCmd(), newAuditCmd(), newLogdumpCmd(), newRebuildCmd(), newVersionCmd())
	add(groupResults, newPlanCmd(), newShowCmd(), newReportCmd(), newCompareCmd(), newServeCmd(), newPlotsCmd(), newExportCmd(), newMergeCmd())
	add(groupRecover, newRecoverCmd())
	add(groupSetup, newScenarioCmd())
	root.SetFlagErrorFunc(flagError)
	useHelp(root)
	return root
}

// execute runs the command line args and returns the exit code, with which the process
// is to end: it takes signals until then, or a late one would end it without that code.
func execute(args []string, stdout, stderr io.Writer) int {
	ctx, _ := interruptible(context.Background(), func() { os.Exit(exitInterrupted) })
	return executeContext(ctx, args, stdout, stderr)
}

// executeContext is execute without signals.
func executeContext(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	started := false
	root := newRootCmd(&started)
	root.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	root.SetOut(stdout)
	root.SetErr(stderr)
	useCompletion(root)
	for _, c := range root.Commands() {
		if c.HasSubCommands() {
			askForPart(c)
		}
	}
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	text := message(err)
	if !started && !strings.Contains(text, "--help") {
		text += hint(root, args)
	}
	fmt.Fprintf(stderr, "flushbench: %s\n", text)
	return exitCode(err, started)
}

// hint points to the help of the command that args name.
func hint(root *cobra.Command, args []string) string {
	path := root.CommandPath()
	if c, _, err := root.Find(args); err == nil {
		path = c.CommandPath()
	}
	return fmt.Sprintf(" (see %s --help)", path)
}

// sameSignal is how long after the first signal others are taken for the same one.
// timeout(1) sends SIGTERM twice, to the command and to its process group, and a held
// Ctrl-C repeats: neither asks for an end without clean-up. Nobody who decides anew is
// as fast.
const sameSignal = 250 * time.Millisecond

// interruptible returns a context that the first SIGINT or SIGTERM cancels; at the
// next one that comes sameSignal or more after it, it calls exit. stop ends the watch.
func interruptible(parent context.Context, exit func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		watchSignals(signals, done, cancel, exit)
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		<-ended
		cancel()
	}
}

// watchSignals is what interruptible does with signals, until done is closed.
func watchSignals(signals <-chan os.Signal, done <-chan struct{}, cancel, exit func()) {
	var first time.Time
	for {
		select {
		case <-signals:
			switch {
			case first.IsZero():
				first = time.Now()
				cancel()
			case time.Since(first) >= sameSignal:
				exit()
			}
		case <-done:
			return
		}
	}
}
