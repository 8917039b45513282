package victim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/driver"
)

// Command is the name of the hidden command that runs Main: what Start passes
// to the program as its argument.
const Command = "crash-victim"

// The descriptors that a victim inherits.
const (
	fdSpec = iota + 3
	fdLedger
	fdStatus
)

// What a victim says through its status pipe, once: that the load runs, or why
// it does not.
const (
	saysReady = "ready"
	saysError = "error "
)

// The exit codes of a victim that was not killed.
const (
	ExitLimit  = 0 // Spec.Limit was over
	ExitFailed = 1 // the engine failed: the ledger has its first error
	ExitUsage  = 2 // it was not started by Start, or could not begin
)

// Main is a victim's whole life; it returns the exit code. It must be called
// before the program has done anything else.
func Main() int {
	status := os.NewFile(fdStatus, "status")
	s, l, err := orders()
	if err == nil {
		err = Run(context.Background(), s, l, vfs.NewOS(), func() { fmt.Fprintln(status, saysReady) })
	}
	switch {
	case err == nil:
		return ExitLimit
	case l != nil && l.Began() != 0:
		fmt.Fprintln(os.Stderr, err)
		return ExitFailed
	}
	line := strings.ReplaceAll(err.Error(), "\n", "; ")
	if _, told := fmt.Fprintf(status, "%s%s\n", saysError, line); told != nil {
		fmt.Fprintf(os.Stderr, "flushbench: %s is started by flushbench crash, not by hand: %s\n", Command, line)
	}
	return ExitUsage
}

// orders reads what the parent has left.
func orders() (*Spec, *ledger.Ledger, error) {
	in := os.NewFile(fdSpec, "orders")
	s, err := decode(in)
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, nil, err
	}
	l, err := ledger.Attach(os.NewFile(fdLedger, "ledger"))
	return s, l, err
}

// Run is what Main does, on any disk: it opens what Spec says, calls ready when
// the load runs, and returns when Spec.Limit is over or ctx is cancelled (nil), or
// with what the engine has failed with. The engine is not closed: it is left as
// it is, for a crash.
func Run(ctx context.Context, s *Spec, l *ledger.Ledger, disk vfs.FS, ready func()) error {
	p, err := admit(s, l, disk, ctx.Done())
	if err != nil {
		return err
	}
	cfg := driver.Config{
		Target: p.target, Notes: notesIn(l),
		Clients: s.Clients, Sizes: s.Sizes, Seed: s.Seed, Txns: p.txns, Duration: s.Limit, SampleEvery: -1,
	}
	if s.Rate > 0 {
		if cfg.Arrivals, err = workload.NewConstant(s.Rate); err != nil {
			return err
		}
		cfg.Measure = true // a schedule needs the clock
	}
	var watching sync.WaitGroup
	var over atomic.Bool
	cfg.OnStart = func(w metrics.Window, _ *metrics.RecorderSet) {
		l.Begin(w.From)
		// However busy the machine is: a first sample is there when the load is.
		p.sample(new(ledger.Sample))
		watching.Go(func() { p.watch(w.From, &over) })
		ready()
	}
	out, err := driver.Run(ctx, cfg)
	if out.Ended == driver.EndFailed {
		time.Sleep(drain)
	}
	over.Store(true)
	watching.Wait()
	return err
}
