package plug

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flushbench/engine/clock"
	"flushbench/workload/crash/ledger"
)

const (
	// DefaultEvery is the least time from one report to the next: what may be
	// unknown at the cut, beside the way to the witness and its flush.
	DefaultEvery = 5 * time.Millisecond
	// heartbeat is the longest time between reports, also if nothing happens.
	heartbeat = 100 * time.Millisecond
	// DefaultPatience is how long a load goes on without a witness.
	DefaultPatience = time.Minute
	// retry is the time between two attempts to reach it.
	retry = 200 * time.Millisecond
)

// reporter tells a witness what a ledger holds. One goroutine.
type reporter struct {
	addr     string
	id       ID
	witness  ID // the one that has the run
	ledger   *ledger.Ledger
	every    time.Duration
	patience time.Duration
	progress Progress

	client *client // nil: not connected
	last   *Report // confirmed; nil: none
}

// follow reports until over is closed, then what there is at the end. Its error
// means that the witness does not know all: it is gone, or refuses.
func (p *reporter) follow(ctx context.Context, over <-chan struct{}) error {
	for {
		began := time.Now()
		ended := false
		select {
		case <-over:
			ended = true
		default:
		}
		r := p.look()
		if ended || p.news(r) {
			if err := p.deliver(ctx, r); err != nil {
				return err
			}
			p.progress.Reported(r.Acked(), time.Since(began))
		}
		if ended {
			return nil
		}
		select {
		case <-over:
		case <-time.After(p.every - time.Since(began)):
		}
	}
}

// news reports whether a report is worth sending.
func (p *reporter) news(r *Report) bool {
	return p.last == nil || r.Acked() != p.last.Acked() || r.Failure != p.last.Failure || r.At-p.last.At >= int64(heartbeat)
}

// look makes the next report. The sample is older than the lanes: what has been
// acknowledged since then the lanes have.
func (p *reporter) look() *Report {
	s := p.ledger.Read()
	r := &Report{Number: 1}
	if n := len(s.Samples); n > 0 {
		r.Sample = &s.Samples[n-1]
	}
	// The samples were copied after the lanes; those that came in between would
	// know more than the lanes do.
	s = p.ledger.Read()
	for i := range s.Clients {
		c := &s.Clients[i]
		l := Lane{Base: c.Base, Acked: c.Acked}
		switch a, ok := c.At(c.Acked); {
		case ok:
			l.At, l.End = a.At, a.End
		case c.Acked > c.Base && p.last != nil:
			l.At = p.last.Lanes[i].At // overtaken while it was read: not before this
		}
		r.Lanes = append(r.Lanes, l)
	}
	if f := s.Failure; f != nil {
		r.Failure, r.FailedAt = f.Text, max(0, f.At)
	}
	r.At = clock.Now()
	// The begin of a load is planned a little ahead.
	r.Began = min(s.Began, r.At)
	if p.last != nil {
		r.Number, r.Began = p.last.Number+1, p.last.Began
	}
	return r
}

// deliver brings a report to the witness, over as many connections as it takes.
func (p *reporter) deliver(ctx context.Context, r *Report) error {
	content := r.encode()
	deadline := time.Now().Add(p.patience)
	told := false
	for {
		err := p.try(ctx, r, content)
		var no *Refusal
		switch {
		case err == nil:
			if told {
				p.progress.Note("the witness is back")
			}
			p.last = r
			return nil
		case errors.As(err, &no), ctx.Err() != nil:
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("plug: the witness was gone for %v: %w", p.patience, err)
		}
		p.hangUp()
		if !told {
			p.progress.Note(fmt.Sprintf("the witness is gone (%v): the load goes on, what it acknowledges is unknown until the witness is back", err))
			told = true
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
	}
}

// try sends a report once.
func (p *reporter) try(ctx context.Context, r *Report, content []byte) error {
	if p.client == nil {
		number, err := p.connect(ctx)
		switch {
		case err != nil:
			return err
		case number != r.Number && number != r.Number-1:
			return &Refusal{fmt.Sprintf("plug: the witness at %s has reports up to %d of this run: want %d", p.addr, number, r.Number-1)}
		}
		// One that it has already is confirmed once more.
	}
	return p.client.report(r.Number, content)
}

// connect resumes the run on a new connection.
func (p *reporter) connect(ctx context.Context) (number uint64, err error) {
	c, err := dial(ctx, p.addr)
	if err != nil {
		return 0, err
	}
	if c.witness != p.witness {
		return 0, errors.Join(&Refusal{fmt.Sprintf("plug: the witness at %s is another one now (%s, it was %s): it does not know this run", p.addr, c.witness, p.witness)}, c.close())
	}
	if number, err = c.resume(p.id); err != nil {
		return 0, errors.Join(err, c.close())
	}
	p.client = c
	return number, nil
}

// finish tells that the load has ended by itself.
func (p *reporter) finish(ctx context.Context, why string) error {
	if p.client == nil {
		if _, err := p.connect(ctx); err != nil {
			return err
		}
	}
	return p.client.end(why)
}

func (p *reporter) hangUp() {
	if p.client != nil {
		_ = p.client.close() // it is of no use any more
		p.client = nil
	}
}
