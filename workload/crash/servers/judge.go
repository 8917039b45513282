package servers

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash"
	"flushbench/workload/crash/subject"
	"flushbench/workload/judge"
	"flushbench/workload/server"
	"flushbench/workload/target"
)

// Judge implements crash.Backend: it starts the server on what the crash has left
// and reads its tables. A server that does not come up, or cannot be read, is a
// violation.
func (b *Backend) Judge(ctx context.Context, j *crash.Job, v crash.Victim, c crash.Crash) (judge.Outcome, error) {
	if j.Cell.Server == nil {
		return b.Backend.Judge(ctx, j, v, c)
	}
	dead := v.(*victim)
	b.victim = nil
	t := trial{promises: j.Cell.Promises(), oldest: j.Cell.Server.Oldest() + dead.load.slack(), frozen: c.Frozen, began: c.Began}
	for i := range dead.load.clients {
		x := &dead.load.clients[i]
		t.clients = append(t.clients, account{begun: x.begun, acks: x.acks})
	}
	found, err := recovered(ctx, j, dead.info)
	// The next trial begins with other files, and these take room from other cells'.
	err = errors.Join(err, os.RemoveAll(j.Dir))
	if ctx.Err() != nil {
		return judge.Outcome{}, ctx.Err()
	}
	if err != nil {
		t.unreadable(err)
	} else {
		t.compare(found)
	}
	t.verdict()
	return t.out, nil
}

// found is what a recovered server holds.
type found struct {
	notes    []uint64 // by client: its last transaction that is there
	wrong    []string // rows that are not what these transactions make them
	totalOff int64    // of bank
}

// recovered starts the server, notes how that went, and reads its tables. The
// server is gone when it returns.
func recovered(ctx context.Context, j *crash.Job, info *result.CrashServer) (f found, err error) {
	s, err := server.Start(ctx, config(j))
	if err != nil {
		return found{}, fmt.Errorf("the server did not come up again: %w", err)
	}
	defer func() { err = errors.Join(err, s.Kill()) }()
	r := s.Recovery()
	info.RecoveryNS, info.RecoverySaid = int64(r.Took), r.Said
	t, err := open(ctx, s.Address())
	if err != nil {
		return found{}, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	g, err := generator(j.Cell, j.Seed)
	if err != nil {
		return found{}, err
	}
	return read(ctx, t, g, j.Cell.Clients)
}

// rows is what is needed of a server to read its table.
type rows interface {
	Rows(ctx context.Context, f func(key uint64, k int64, c []byte) error) error
}

var _ rows = target.Server(nil)

// read reads the notes, then every row, and holds these against the notes.
func read(ctx context.Context, t rows, g *workload.Generator, clients int) (found, error) {
	f := found{notes: make([]uint64, clients)}
	first := g.NoteKey(0)
	err := t.Rows(ctx, func(key uint64, k int64, _ []byte) error {
		if key < first || key >= first+uint64(clients) {
			return nil
		}
		if k < 0 {
			return fmt.Errorf("client %d: its note says %d", key-first, k)
		}
		f.notes[key-first] = uint64(k)
		return nil
	})
	if err != nil {
		return found{}, err
	}
	model := judge.NewRows(g, f.notes)
	err = t.Rows(ctx, func(key uint64, k int64, c []byte) error {
		if w := model.Row(key, k, c); w != "" {
			f.wrong = append(f.wrong, w)
		}
		return nil
	})
	whole, off := model.End()
	f.wrong, f.totalOff = append(f.wrong, whole...), off
	return f, err
}

// account is what is claimed of a client.
type account struct {
	begun uint64
	acks  []int64 // when its transactions 1, 2, ... were acknowledged
}

// trial is a crash while it is judged.
type trial struct {
	promises bool          // nothing that was acknowledged may be gone
	oldest   time.Duration // where it promises nothing: how old a commit may be that is gone
	frozen   bool          // the server stood still when the crash struck
	began    int64         // the crash
	clients  []account
	out      judge.Outcome
}

// counts is how many acknowledgements of a client count. Those that came after the
// crash had begun do where nothing may be lost, since nobody may be acknowledged
// after an error; and where the server stood still, since it had sent them before.
func (t *trial) counts(a *account) uint64 {
	n := len(a.acks)
	for !t.promises && !t.frozen && n > 0 && a.acks[n-1] >= t.began {
		n--
	}
	return uint64(n)
}

// unreadable is the outcome when nobody could look.
func (t *trial) unreadable(why error) {
	for i := range t.clients {
		t.out.Acked += int64(t.counts(&t.clients[i]))
	}
	t.out.Unreadable = true
	t.violate("%v", why)
}

// compare holds what was acknowledged against what is there.
func (t *trial) compare(f found) {
	o := &t.out
	oldest, newest := t.began, int64(math.MinInt64)
	for i := range t.clients {
		a, there := &t.clients[i], f.notes[i]
		acked := t.counts(a)
		if o.Acked += int64(acked); acked > 0 {
			newest = max(newest, a.acks[acked-1])
		}
		o.Recovered += int64(min(acked, there))
		o.UnackedPresent += int64(max(acked, there) - acked)
		if there > a.begun {
			o.Phantom += int64(there - a.begun)
			t.violate("client %d: the server has transaction %d, only %d were begun", i, there, a.begun)
		}
		if there >= acked {
			continue
		}
		o.Lost += int64(acked - there)
		oldest = min(oldest, a.acks[there])
		if t.promises {
			t.violate("client %d: commits %d to %d were acknowledged and are gone; the first %s", i, there+1, acked, t.when(a.acks[there]))
		}
	}
	o.Missing = o.Lost
	if o.Acked > 0 {
		o.QuietNs = max(0, t.began-newest)
	}
	if o.Lost > 0 {
		o.LostAgeNs = t.began - oldest
	}
	o.TotalOff = f.totalOff
	for _, w := range f.wrong {
		o.HalfPresent++
		t.violate("%s", w)
	}
}

// when says when something was acknowledged, seen from the crash.
func (t *trial) when(at int64) string {
	d := time.Duration(t.began - at)
	if d < 0 {
		return fmt.Sprintf("%v after the crash had begun", (-d).Round(time.Microsecond))
	}
	return fmt.Sprintf("%v before the crash", d.Round(time.Microsecond))
}

func (t *trial) violate(format string, args ...any) {
	t.out.Violations = append(t.out.Violations, fmt.Sprintf(format, args...))
}

// verdict sums up.
func (t *trial) verdict() {
	o := &t.out
	o.Promise = subject.Promise{Redo: t.promises, Binlog: true}
	switch {
	case len(o.Violations) > 0:
		o.Verdict = judge.Violation
	case o.Lost == 0:
		o.Verdict = judge.Kept
	case o.LostAgeNs > int64(t.oldest):
		o.Verdict = judge.LostMore
	default:
		o.Verdict = judge.LostWithin
	}
}
