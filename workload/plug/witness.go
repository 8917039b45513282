package plug

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// DefaultListen is where a witness listens unless it is told otherwise.
const DefaultListen = "127.0.0.1:7177"

// MaxConns bounds the connections of a witness; more are closed at once.
const MaxConns = 64

// The patience of both sides.
const (
	// idle is how long a client may be silent, and how long a frame may take to
	// come. A load says something every heartbeat.
	idle = 5 * time.Second
	// slow is how long an answer may take to go, and to come.
	slow = 5 * time.Second
)

// WitnessOptions say what a witness needs.
type WitnessOptions struct {
	// Journal is its file. It is made where there is none; one that is there is
	// gone on with.
	Journal string
	// MaxJournal is the size in bytes at which the journal is written anew, with
	// what is worth keeping; 0: DefaultMaxJournal. It may grow to twice what it held
	// then.
	MaxJournal int64
	// Note is told what happens, a sentence each; nil: nobody is. Any goroutine,
	// one call at a time.
	Note func(text string)
}

// Witness keeps what loads have acknowledged.
type Witness struct {
	o    WitnessOptions
	note sync.Mutex // held during calls of o.Note

	mu struct {
		sync.Mutex
		runs    runs
		journal *journal
		limit   int64 // of the journal
		strange int   // connections that did not speak our language
	}
	failed chan error    // the first failure of the journal; room for one
	idle   time.Duration // see there
}

// OpenWitness opens the journal and reads what it holds. The caller must Close
// the witness.
func OpenWitness(o WitnessOptions) (*Witness, error) {
	if o.Note == nil {
		o.Note = func(string) {}
	}
	if o.MaxJournal <= 0 {
		o.MaxJournal = DefaultMaxJournal
	}
	w := &Witness{o: o, failed: make(chan error, 1), idle: idle}
	j, err := openJournal(o.Journal, w.mu.runs.apply)
	if err != nil {
		return nil, err
	}
	w.mu.journal, w.mu.limit = j, o.MaxJournal
	return w, nil
}

// Runs returns the names of the runs, in the order in which they began.
func (w *Witness) Runs() (names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.mu.runs.order {
		names = append(names, r.name)
	}
	return names
}

// Close gives the journal back. REQUIRES: Serve has returned. Safe to call twice.
func (w *Witness) Close() error { return w.mu.journal.close() }

// say tells a note.
func (w *Witness) say(format string, args ...any) {
	w.note.Lock()
	defer w.note.Unlock()
	w.o.Note(fmt.Sprintf(format, args...))
}

// Serve answers on a listener until ctx ends (nil) or the journal fails. It returns
// when it has closed the listener and no connection is left.
func (w *Witness) Serve(ctx context.Context, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var open sync.WaitGroup
	defer open.Wait()
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = l.Close()
	})
	defer func() {
		stop()   // before the wait: it closes the connections
		<-closed // the listener is closed when Serve returns: its address can be had again
	}()
	var failure error
	broken := make(chan struct{})
	go func() {
		defer close(broken)
		select {
		case failure = <-w.failed:
			stop()
		case <-ctx.Done():
		}
	}()
	places := make(chan struct{}, MaxConns)
	for ctx.Err() == nil {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				// Out of descriptors, or a client that has gone again.
				select {
				case <-time.After(50 * time.Millisecond):
				case <-ctx.Done():
				}
				continue
			}
			break
		}
		select {
		case places <- struct{}{}:
		default:
			_ = conn.Close()
			continue
		}
		open.Go(func() {
			defer func() { <-places }()
			hangUp := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer hangUp()
			w.serve(conn)
		})
	}
	stop()
	<-broken
	return failure
}

// open begins a run, or finds it begun.
func (w *Witness) open(o *opening) (*run, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, err := w.mu.runs.admit(o)
	if known != nil || err != nil {
		return known, err
	}
	if err := w.enter(&entry{kind: kindOpen, at: time.Now(), id: o.id, content: o.encode()}); err != nil {
		return nil, err
	}
	return w.mu.runs.byID[o.id], nil
}

// find returns a run that has begun.
func (w *Witness) find(id ID) (*run, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.mu.runs.byID[id]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("plug: this witness knows no run %s", id)
}

// number returns the number of a run's last report; 0: none.
func (w *Witness) number(r *run) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.last == nil {
		return 0
	}
	return r.last.Number
}

// take takes a report or the end of a run, and returns the number of the last
// report. When there is no error it is flushed.
func (w *Witness) take(r *run, k kind, content []byte) (uint64, error) {
	if k == kindReport {
		return w.report(r, content)
	}
	return w.number(r), w.end(r, string(content[:min(len(content), maxText)]))
}

// report takes a report. When it returns nil it is flushed.
func (w *Witness) report(r *run, content []byte) (uint64, error) {
	report, err := decodeReport(content)
	if err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case r.ended != "":
		return 0, fmt.Errorf("plug: run %q has ended: %s", r.name, r.ended)
	case r.repeats(content):
		return report.Number, nil
	}
	if err := report.after(r.last); err != nil {
		return 0, err
	}
	return report.Number, w.enter(&entry{kind: kindReport, at: time.Now(), id: r.id, content: content})
}

// end notes why a load has ended by itself.
func (w *Witness) end(r *run, why string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case r.ended != "":
		return nil
	case why == "":
		return fmt.Errorf("%w: run %q ends for no reason", errFrame, r.name)
	}
	return w.enter(&entry{kind: kindEnd, at: time.Now(), id: r.id, content: []byte(why)})
}

// enter writes an entry to the journal and then believes it. REQUIRES: w.mu is
// held.
func (w *Witness) enter(e *entry) error {
	err := w.mu.journal.append(e)
	if err == nil {
		if err := w.mu.runs.apply(e); err != nil {
			return err
		}
		if w.mu.journal.size > w.mu.limit {
			err = w.mu.journal.rewrite(w.mu.runs.each)
			w.mu.limit = max(w.o.MaxJournal, 2*w.mu.journal.size)
		}
	}
	if err != nil {
		select {
		case w.failed <- err:
		default: // known already
		}
	}
	return err
}

// state copies what is known of a run.
func (w *Witness) state(r *run) (summary, []kept) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := summary{opening: r.opening, opened: r.opened, heard: r.opened, ended: r.ended, count: uint32(len(r.reports))}
	if n := len(r.reports); n > 0 {
		s.heard = r.reports[n-1].at
	}
	return s, append([]kept(nil), r.reports...)
}
