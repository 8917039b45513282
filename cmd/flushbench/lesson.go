package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/crash/lab"
	"flushbench/workload/lesson"
	"flushbench/workload/scenario"
)

// lessonOptions are the flags of lesson.
type lessonOptions struct {
	cfg      lesson.Config
	budget   scenario.Size
	quiet    bool
	noReport bool
	format   format
}

func (o *lessonOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.cfg.Base, "dir", ".", "existing `FOLDER` on the disk that the lessons are about")
	fs.Uint64Var(&o.cfg.Seed, "seed", 0, "`NUMBER` that drives the clients; 0: a random one, named in the result")
	inGroup(fs, "What to tell", "dir", "seed")
	fs.TextVar(&o.budget, "max-write-bytes", scenario.Size(0), "tell no lesson that might pass this `SIZE`, of all together; 0: no limit")
	inGroup(fs, "Safety", "max-write-bytes")
	addSafetyFlags(fs, &o.cfg.AllowVolatile, &o.cfg.BesideLiveDatabase)
	addFormatFlag(fs, &o.format, formatTable, formatJSON)
	addNewResultFlag(fs, &o.cfg.ResultsDir)
	fs.StringVar(&o.cfg.Name, "name", "lesson", "last part of the result folder's `NAME`")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	fs.BoolVar(&o.noReport, "no-report", false, "make no report.html and report.md at the end")
	inGroup(fs, "Output", "format", "results", "name", "quiet", "no-report")
	fs.SortFlags = false
}

func newLessonCmd() *cobra.Command {
	var o lessonOptions
	cmd := &cobra.Command{
		Use:   "lesson [NAME...|all] [flags]",
		Short: "Take one safeguard away and see what that costs (under 1 min each)",
		Long: `Tell lessons: stories of under a minute. Each takes one safeguard of the logs away,
crashes or measures, shows what that costs on the disk under a folder, and says
whether a sentence that people repeat about it holds here. Without a name: list
them.

As root they crash file systems of their own, in images below --dir, in a mount
namespace that vanishes with the command. As any other user each shows what it can
without, and says what that is.`,
		Example: `  flushbench lesson                    the list
  flushbench lesson lost-commit        what a crash takes from a bank
  flushbench lesson all                every one of them
  flushbench lesson one-flush-for-many undo-and-readers --dir /var/lib/x`,
		ValidArgs: append(lesson.Names(), "all"),
		RunE: func(cmd *cobra.Command, args []string) error {
			stdout := cmd.OutOrStdout()
			if len(args) == 0 {
				return listLessons(stdout, lesson.All(), o.format)
			}
			var err error
			if o.cfg.Lessons, err = lesson.Find(args...); err != nil {
				return usageError(err)
			}
			if err := o.checkBudget(); err != nil {
				return err
			}
			if err := checkWritable("results", o.cfg.ResultsDir); err != nil {
				return err
			}
			return o.run(cmd.Context(), stdout, cmd.ErrOrStderr())
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

// checkBudget refuses a write limit with which not one of the lessons could be told.
func (o *lessonOptions) checkBudget() error {
	least := slices.MinFunc(o.cfg.Lessons, func(a, b lesson.Lesson) int { return cmp.Compare(a.Bytes, b.Bytes) })
	if o.budget > 0 && int64(o.budget) < least.Bytes {
		return usagef("--max-write-bytes %v: lesson %s may write %s; raise it, or leave it out", o.budget, least.Name, hostinfo.Bytes(least.Bytes))
	}
	return nil
}

// run tells the lessons that were named.
func (o *lessonOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	crashes := func(l lesson.Lesson) bool { return l.Needs == lesson.NeedsRoot || l.WithRoot != "" }
	if slices.ContainsFunc(o.cfg.Lessons, crashes) && lab.Available(vfs.CrashOS, lab.Ext4) == nil {
		// A new start of the program, in a mount namespace of its own.
		if err := lab.Enter(); err != nil {
			return err
		}
		o.cfg.Root = true
	}
	p := &lessonProgress{ctx: ctx, stderr: stderr, quiet: o.quiet, bar: newProgress(stderr, o.quiet)}
	if o.format == formatTable {
		p.stdout, p.bold = stdout, bold(stdout)
	}
	defer func() { p.bar.Close() }()
	o.cfg.MaxWriteBytes, o.cfg.ToolVersion, o.cfg.CommandLine, o.cfg.Progress = int64(o.budget), toolVersion(), os.Args, p
	res, folder, err := lesson.Run(ctx, o.cfg)
	p.bar.Close()
	if res == nil {
		return err
	}
	page := ""
	if !o.noReport && len(res.Lessons) > 0 {
		var failed error
		page, failed = writeReport(folder)
		err = errors.Join(err, failed)
	}
	if o.format != formatTable {
		return errors.Join(err, writeFormat(stdout, o.format, res))
	}
	screen := lessonEnd(res, folder)
	if page != "" {
		screen += "Report  " + page + "\n"
	}
	_, writeErr := io.WriteString(stdout, screen)
	return errors.Join(err, p.err, writeErr)
}

// lessonProgress shows lessons on a progress bar, and each story when it was told.
type lessonProgress struct {
	ctx    context.Context // of the command
	stdout io.Writer       // of the stories; nil: they are not printed
	stderr io.Writer
	bold   func(string) string
	quiet  bool
	bar    *progress
	err    error // the first of writing a story

	i, n  int
	now   *lesson.Lesson
	began time.Time
	left  time.Duration
}

// Planned implements lesson.Progress.
func (p *lessonProgress) Planned(bytes int64, length time.Duration) {
	p.bar.note(fmt.Sprintf("lesson writes at most %s, and takes about %s.", hostinfo.Bytes(bytes), timeLeft(length)))
}

// Begin implements lesson.Progress.
func (p *lessonProgress) Begin(i, n int, l *lesson.Lesson, left time.Duration) {
	if i > 0 { // a story stands between
		p.bar = newProgress(p.stderr, p.quiet)
	}
	p.bar.live(p.ctx, nil)
	p.i, p.n, p.now, p.began, p.left = i, n, l, time.Now(), left
	p.step(l.Title)
}

// Say implements lesson.Progress.
func (p *lessonProgress) Say(text string) { p.step(text) }

func (p *lessonProgress) step(text string) {
	spent := time.Since(p.began)
	share := min(float64(spent)/float64(max(p.now.Takes, time.Second)), 0.99)
	p.bar.step((float64(p.i)+share)/float64(p.n), max(p.left-spent, 0), p.now.Name+": "+text)
}

// Told implements lesson.Progress.
func (p *lessonProgress) Told(l *result.Lesson) {
	p.bar.Close()
	if p.stdout == nil || p.err != nil {
		return
	}
	_, p.err = io.WriteString(p.stdout, lessonStory(l, p.bold)+"\n")
}

// Note implements lesson.Progress.
func (p *lessonProgress) Note(text string) { p.bar.note("note: " + text) }
