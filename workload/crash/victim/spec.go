package victim

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"math"
	"time"

	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
)

// Spec is what a victim does.
type Spec struct {
	subject.Subject
	// Fresh: Dir is empty, and the victim makes the files in it first. Otherwise
	// they are opened as they are. A database must then have been closed cleanly,
	// as the judge does it: the victim begins a new binlog.
	Fresh bool
	// Rate is the commits a second of all clients together; 0: closed loop.
	Rate float64
	// Limit is how long the load lasts if nobody ends it, above 0.
	Limit time.Duration
	// FaultAfter lets the first flush fail with EIO that is asked for so long
	// after the load began; 0: none.
	FaultAfter time.Duration
	// Full: somebody fills the disk meanwhile. When a log first meets its end is noted,
	// as that of a flush that is made to fail.
	Full bool
	// Point is where somebody is stopped so long after the load began, once there are
	// commits to be judged, and everybody who comes there later: they stand still
	// until the end of the process. Anywhere: nobody is. REQUIRES: a binlog.
	Point      subject.Point
	PointAfter time.Duration
}

// Validate says what is out of range.
func (s *Spec) Validate() error {
	switch {
	case math.IsNaN(s.Rate) || s.Rate < 0:
		return fmt.Errorf("victim: rate %v: must be 0 (closed loop) or above", s.Rate)
	case s.Limit <= 0:
		return fmt.Errorf("victim: limit %v: must be above 0", s.Limit)
	case s.FaultAfter < 0:
		return fmt.Errorf("victim: fault after %v: must be 0 (none) or above", s.FaultAfter)
	case s.PointAfter < 0:
		return fmt.Errorf("victim: crash point after %v: must be 0 or above", s.PointAfter)
	case s.Point != subject.Anywhere && !s.Binlog():
		return fmt.Errorf("victim: crash point %v without a binlog: it is a moment of a commit to two logs; legal is %v", s.Point, subject.Anywhere)
	}
	return s.Subject.Validate()
}

// What the ledger remembers at most, in bytes of history and for how many flush
// intervals.
const (
	historyBytes = 32 << 20
	ackBytes     = 8 // of an acknowledgement in a lane, without its date
	minHistory   = 64
	intervals    = 4 // three, and one for the crash itself
	sampleEvery  = time.Millisecond
)

// ledgerConfig sizes the ledger: at a rate, what the clients acknowledge in a few
// flush intervals with room for twice that; else as much as memory allows.
func (s *Spec) ledgerConfig() ledger.Config {
	span := intervals * int64(s.Engine.Commit.FlushInterval()+time.Second)
	c := ledger.Config{Clients: s.Clients, Samples: int(min(span/int64(sampleEvery), ledger.MaxSamples))}
	most := max(minHistory, historyBytes/ackBytes/s.Clients)
	c.History = min(most, ledger.MaxHistory)
	if s.Rate > 0 {
		need := 2 * s.Rate / float64(s.Clients) * time.Duration(span).Seconds()
		c.History = max(minHistory, min(c.History, int(math.Ceil(need))))
	}
	return c
}

// encode and decode take a Spec to a child process of the same program. Gob
// leaves out what cannot go there, functions, and the interfaces are nil.
func (s *Spec) encode() ([]byte, error) {
	t := *s
	t.Engine.FS, t.Engine.Observer, t.Engine.Commit.Observer = nil, nil, nil
	t.Database.Options = t.Engine
	t.Database.Binlog.Observer = nil
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(&t); err != nil {
		return nil, fmt.Errorf("victim: encode its orders: %w", err)
	}
	return b.Bytes(), nil
}

func decode(r io.Reader) (*Spec, error) {
	s := new(Spec)
	if err := gob.NewDecoder(r).Decode(s); err != nil {
		return nil, fmt.Errorf("victim: read its orders: %w", err)
	}
	return s, s.Validate()
}

// Ledger makes the ledger that Run needs, with create: ledger.New for a victim in this
// process.
func (s *Spec) Ledger(create func(ledger.Config) (*ledger.Ledger, error)) (*ledger.Ledger, error) {
	return create(s.ledgerConfig())
}
