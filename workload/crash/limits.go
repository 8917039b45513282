package crash

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload/judge"
)

// limits bound what a trial waits for. Each is many times what it takes on a slow
// machine.
type limits struct {
	ready time.Duration // a victim to open its files and begin its load; its threads to stand still
	judge time.Duration // a recovery
	grace time.Duration // a recovery that nobody wants any more, after Ctrl-C
	acked time.Duration // the first acknowledgements
	tried time.Duration // what the calibration counts
}

var usualLimits = limits{ready: 2 * time.Minute, judge: 5 * time.Minute, grace: 5 * time.Second, acked: 10 * time.Second, tried: calibrateFor - calibrateWarm}

// errStuck is wrapped by the error of a trial whose recovery still works, or
// died at work, on its disk: nobody can unmount that any more.
var errStuck = errors.New("the disk is in use by a recovery that did not end")

// start is Backend.Start with a limit.
func (r *run) start(ctx context.Context, job *Job) (Victim, error) {
	limited, cancel := context.WithTimeout(ctx, r.cfg.limits.ready)
	defer cancel()
	v, err := r.backend.Start(limited, job)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("crash: the victim was not under load after %v: %w", r.cfg.limits.ready, err)
	}
	return v, err
}

// freeze is Victim.Freeze with a limit.
func (r *run) freeze(ctx context.Context, v Victim) error {
	limited, cancel := context.WithTimeout(ctx, r.cfg.limits.ready)
	defer cancel()
	err := v.Freeze(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("crash: the victim did not stand still after %v: %w", r.cfg.limits.ready, err)
	}
	return err
}

// judge is Backend.Judge with a limit. A recovery that does not end, or panics,
// brings nothing back: a violation, and beside it an error that wraps errStuck,
// since the disk is of no more use.
//
// NB: A recovery that hangs goes on in a goroutine of its own, which nobody can
// end: it ends with the process, and so do the mounts that it keeps busy.
func (r *run) judge(ctx context.Context, job *Job, v Victim, c Crash) (judge.Outcome, error) {
	type answer struct {
		out judge.Outcome
		err error
	}
	answers := make(chan answer, 1) // so that a late one ends too
	go func() {
		defer func() {
			if p := recover(); p != nil {
				answers <- answer{gaveUp(v, fmt.Sprintf("recovery panicked: %v, in %s", p, panicked(debug.Stack()))), errStuck}
			}
		}()
		out, err := r.backend.Judge(ctx, job, v, c)
		answers <- answer{out, err}
	}()
	timer := time.NewTimer(r.cfg.limits.judge)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.out, a.err
	case <-timer.C:
		select {
		case a := <-answers: // it had ended when nobody could look
			return a.out, a.err
		default:
		}
		return gaveUp(v, fmt.Sprintf("recovery did not end within %v", r.cfg.limits.judge)), errStuck
	case <-ctx.Done():
	}
	timer.Reset(r.cfg.limits.grace)
	select {
	case a := <-answers:
		return a.out, errors.Join(ctx.Err(), a.err)
	case <-timer.C:
		return judge.Outcome{}, errors.Join(ctx.Err(), errStuck)
	}
}

// gaveUp is the outcome of a recovery that brought nothing back: what was lost is
// not known.
func gaveUp(v Victim, why string) judge.Outcome {
	return judge.Outcome{Acked: v.Acked(), Verdict: result.VerdictViolation, Violations: []string{why}, Unreadable: true}
}

// panicked is the place of a panic in a stack: the function below the last call
// of panic.
func panicked(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "panic(") && i+3 < len(lines) {
			place, _, _ := strings.Cut(strings.TrimSpace(lines[i+3]), " ")
			return place
		}
	}
	return "a place unknown"
}
