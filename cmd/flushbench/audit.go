package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flushbench/workload/audit"
	"flushbench/workload/plan"
	"flushbench/workload/target"
	"flushbench/workload/target/mysql"
	"flushbench/workload/target/postgres"
)

// auditOptions are the flags of audit.
type auditOptions struct {
	watch    time.Duration
	maxLoss  plan.Losses
	scenario string
	password string
	quiet    bool
	format   format
}

func (o *auditOptions) addFlags(fs *pflag.FlagSet) {
	fs.DurationVar(&o.watch, "observe", audit.DefaultWatch, "watch the load for this `TIME`")
	addPasswordFlag(fs, &o.password)
	inGroup(fs, "What to look at", "observe", "password-file")
	fs.Var(&o.maxLoss, "max-loss", "exit code 4 if a crash may take more, by kind, as a time, a number of commits or 0: `LIST` such as process=0,os=1s,power=1s")
	fs.Lookup("max-loss").DefValue = ""
	inGroup(fs, "Gate", "max-loss")
	addFormatFlag(fs, &o.format, formatTable, formatJSON)
	fs.StringVar(&o.scenario, "write-scenario", "", "write the load as a scenario to this `FILE`, for run -f and plan --scenario; a file that is there is left alone")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	inGroup(fs, "Output", "format", "write-scenario", "quiet")
	fs.SortFlags = false
}

func newAuditCmd() *cobra.Command {
	var o auditOptions
	cmd := &cobra.Command{
		Use:   "audit ADDRESS [flags]",
		Short: "Say what a crash may take from a MariaDB, MySQL or PostgreSQL (5 s)",
		Long: `Say of a server in service what a process crash, a kernel crash and a power cut may
take of what it has acknowledged, in seconds and, at the present rate, in commits;
which settings make its policy mean less than its name says; and what to look at
next. On the server's own machine it looks at the file systems and devices below its
folders too, and at how its redo log is open.

It only reads: SELECT and SHOW on settings and counters, for which any user will do,
and /proc and /sys. It writes nothing but the file of --write-scenario.

ADDRESS is mysql://USER@HOST:PORT/DATABASE, or mysql://USER@unix(/PATH)/DATABASE for a
unix socket, likewise with postgres://. DATABASE may be left out, options of the
driver such as ?tls=true follow it. The password is in the address, in the file of
--password-file, or in FLUSHBENCH_PASSWORD.

Exit code 0, with --max-loss 4 when a crash may take more, 2 when the server cannot be
reached.`,
		Example: `  flushbench audit 'mysql://monitor@unix(/run/mysqld/mysqld.sock)'
  flushbench audit postgres://monitor@db7:5432 --password-file ~/.db7
  flushbench audit mysql://monitor@db7 --max-loss os=0,power=0 --quiet
  flushbench audit mysql://monitor@db7 --observe 60s --write-scenario db7.yaml
  flushbench run -f db7.yaml --dry-run`,
		Args: auditArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr(), time.Now())
		},
	}
	o.addFlags(cmd.Flags())
	completeValues(cmd)
	return cmd
}

// auditArgs wants one address, and says no more of others than their number: any
// may hold a password.
func auditArgs(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("audit: %d addresses: must be one, such as mysql://monitor@db7", len(args))
	}
	return nil
}

// run looks, prints, writes the scenario and holds the gate.
func (o *auditOptions) run(ctx context.Context, text string, stdout, stderr io.Writer, now time.Time) error {
	if o.watch < audit.MinWatch || o.watch > audit.MaxWatch {
		return usagef("--observe %v: must be %v to %v", o.watch, audit.MinWatch, audit.MaxWatch)
	}
	a, err := auditAddress(text)
	if err == nil {
		a, err = withPassword(a, o.password)
	}
	if err != nil {
		return usageError(err)
	}
	if o.scenario != "" {
		if _, err := os.Stat(o.scenario); err == nil {
			return usagef("--write-scenario: %s is there already, and is left alone", o.scenario)
		}
	}
	r, err := o.look(ctx, a, stderr)
	if err != nil {
		return err
	}
	if o.format == formatJSON {
		err = writeJSON(stdout, r)
	} else {
		_, err = io.WriteString(stdout, auditScreen(r, bold(stdout)))
	}
	if err == nil && o.scenario != "" {
		err = o.writeScenario(r, now)
	}
	if err != nil {
		return err
	}
	return auditGate(r, o.maxLoss)
}

// look reads the facts and says what follows from them.
func (o *auditOptions) look(ctx context.Context, a target.Address, stderr io.Writer) (*audit.Report, error) {
	server, err := openServer(ctx, a)
	if err != nil {
		return nil, serverError(ctx, err)
	}
	defer func() { _ = server.Close() }() // what was read is read
	bar := newProgress(stderr, o.quiet)
	defer bar.Close()
	bar.note(fmt.Sprintf("watching %s for %v; nothing is changed.", a, o.watch))
	facts, err := audit.Observe(ctx, server, a, o.watch)
	if err != nil {
		return nil, serverError(ctx, err)
	}
	return audit.Assess(facts), nil
}

// openServer opens a server by the scheme of its address.
func openServer(ctx context.Context, a target.Address) (target.Server, error) {
	if a.Scheme == target.SchemePostgres {
		return postgres.Open(ctx, a)
	}
	return mysql.Open(ctx, a)
}

// serverError is what a server that cannot be reached or read ends the program with:
// one line and exit code 2, or an interruption.
func serverError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	return usageError(err)
}

// lookDatabases are where a user without rights may look from.
var lookDatabases = map[string]string{target.SchemeMySQL: "information_schema", target.SchemePostgres: "postgres"}

// auditAddress reads an address in which the database may be missing.
func auditAddress(text string) (target.Address, error) {
	a, err := target.ParseAddress(text)
	if err == nil {
		return a, nil
	}
	base, options, _ := strings.Cut(text, "?")
	for scheme, database := range lookDatabases {
		with := strings.TrimSuffix(base, "/") + "/" + database + "?" + options
		if a, errWith := target.ParseAddress(with); errWith == nil && a.Scheme == scheme && a.Database == database {
			return a, nil
		}
	}
	return a, err
}

// writeScenario writes the load to a file that must not be there yet.
func (o *auditOptions) writeScenario(r *audit.Report, now time.Time) error {
	text, err := audit.Scenario(r, now)
	if err != nil {
		return usageError(fmt.Errorf("--write-scenario: %w", err))
	}
	return createFile("--write-scenario", o.scenario, string(text))
}

// auditGate holds what crashes may take against limits.
func auditGate(r *audit.Report, limits plan.Losses) error {
	for i := range r.Crashes {
		c := &r.Crashes[i]
		limit, asked := limits[plan.Kind(c.Kind.String())]
		if !asked {
			continue
		}
		if why := c.Exceeds(limit.Age.Seconds(), limit.Commits); why != "" {
			return &codeError{exitGate, fmt.Errorf("audit: a %s %s: more than --max-loss %v=%s", audit.KindName(c.Kind), why, c.Kind, strings.TrimSuffix(limit.String(), " commits"))}
		}
	}
	return nil
}
