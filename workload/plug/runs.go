package plug

import (
	"bytes"
	"fmt"
	"time"
)

// Limits of what a witness keeps.
const (
	// MaxRuns bounds the runs of a journal.
	MaxRuns = 64
	// MaxRunBytes bounds the newest reports that are kept of a run, which say
	// when a commit was acknowledged; the sequences are in the last one.
	MaxRunBytes = 4 << 20
	// DefaultMaxJournal is the size at which a journal is written anew.
	DefaultMaxJournal = 64 << 20
)

// kept is a report as it came.
type kept struct {
	at      time.Time // by the witness's clock
	content []byte
}

// run is what a witness knows of a run.
type run struct {
	opening
	opened  time.Time
	ended   string
	last    *Report // nil: none yet
	reports []kept  // the newest; the last of them is last
	size    int     // of their contents
}

// add keeps a report, which follows.
func (r *run) add(at time.Time, content []byte, report *Report) {
	r.last = report
	r.reports = append(r.reports, kept{at, content})
	for r.size += len(content); r.size > MaxRunBytes && len(r.reports) > 1; {
		r.size -= len(r.reports[0].content)
		r.reports[0] = kept{} // the array may live on
		r.reports = r.reports[1:]
	}
}

// repeats reports whether content is the last report once more.
func (r *run) repeats(content []byte) bool {
	n := len(r.reports)
	return n > 0 && bytes.Equal(r.reports[n-1].content, content)
}

// runs is all that a witness knows: what its journal says.
type runs struct {
	byID   map[ID]*run
	byName map[string]*run
	order  []*run
}

// admit says whether a run may begin; nil and known: it has begun already, with
// the same words.
func (s *runs) admit(o *opening) (known *run, err error) {
	if r := s.byID[o.id]; r != nil {
		if r.name == o.name && bytes.Equal(r.description, o.description) {
			return r, nil
		}
		return nil, fmt.Errorf("plug: run %s has another name or description already", o.id)
	}
	if s.byName[o.name] != nil {
		return nil, fmt.Errorf("plug: there is a run %q already: each cut needs a name of its own", o.name)
	}
	if len(s.order) >= MaxRuns {
		return nil, fmt.Errorf("plug: this journal has %d runs, which is as many as it may: start the witness with a new --journal", MaxRuns)
	}
	return nil, nil
}

// apply adds an entry. It refuses what no witness has written.
func (s *runs) apply(e *entry) error {
	if e.kind == kindOpen {
		o, err := decodeOpening(e.content)
		if err != nil {
			return err
		}
		if known, err := s.admit(&o); err != nil || known != nil || o.id != e.id {
			return fmt.Errorf("%w: run %q begins twice: %w", errFrame, o.name, err)
		}
		if s.byID == nil {
			s.byID, s.byName = map[ID]*run{}, map[string]*run{}
		}
		r := &run{opening: o, opened: e.at}
		s.byID[o.id], s.byName[o.name], s.order = r, r, append(s.order, r)
		return nil
	}
	r := s.byID[e.id]
	if r == nil {
		return fmt.Errorf("%w: an entry of run %s, which has not begun", errFrame, e.id)
	}
	switch e.kind {
	case kindEnd:
		r.ended = string(e.content)
		return nil
	case kindReport:
		report, err := decodeReport(e.content)
		if err == nil && r.last != nil { // the first of those that were kept may have any number
			err = report.after(r.last)
		}
		if err != nil {
			return err
		}
		r.add(e.at, e.content, report)
		return nil
	}
	return fmt.Errorf("%w: an entry of kind %d", errFrame, e.kind)
}

// each hands out the entries that say what is known.
func (s *runs) each(add func(*entry) error) error {
	for _, r := range s.order {
		if err := add(&entry{kind: kindOpen, at: r.opened, id: r.id, content: r.opening.encode()}); err != nil {
			return err
		}
		for _, k := range r.reports {
			if err := add(&entry{kind: kindReport, at: k.at, id: r.id, content: k.content}); err != nil {
				return err
			}
		}
		if r.ended == "" {
			continue
		}
		if err := add(&entry{kind: kindEnd, at: r.opened, id: r.id, content: []byte(r.ended)}); err != nil {
			return err
		}
	}
	return nil
}
