package plug

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"time"
)

// session is one connection of a witness.
type session struct {
	w    *Witness
	conn net.Conn
	in   frameReader
	out  *bufio.Writer
	run  *run // that it opened or resumed; nil: none yet
}

// errRefused ends a session after it was told why.
var errRefused = errors.New("plug: refused")

// serve talks to one client until it goes, is silent for too long, or says what
// makes no sense.
func (w *Witness) serve(conn net.Conn) {
	s := &session{w: w, conn: conn, in: frameReader{r: conn}, out: bufio.NewWriter(conn)}
	defer func() { _ = conn.Close() }() // nothing is owed to it any more
	if err := s.greet(); err != nil {
		w.stranger(conn, err)
		return
	}
	for {
		err := s.answer()
		if err == nil {
			continue
		}
		if s.run != nil {
			w.silent(s.run)
		}
		return
	}
}

// stranger counts a client that did not say hello. The port is open to anything:
// only the first, second, fourth ... are told of.
func (w *Witness) stranger(conn net.Conn, err error) {
	w.mu.Lock()
	w.mu.strange++
	n := w.mu.strange
	w.mu.Unlock()
	if n&(n-1) == 0 {
		w.say("%v is no load of ours (%v); %d such connections so far", conn.RemoteAddr(), err, n)
	}
}

// silent tells that the connection of a load is gone.
func (w *Witness) silent(r *run) {
	s, reports := w.state(r)
	if len(reports) == 0 || s.ended != "" {
		return
	}
	w.mu.Lock()
	number, acked := r.last.Number, r.last.Acked()
	w.mu.Unlock()
	w.say("run %s: silent since %s, after report %d with %d commits", s.name, s.heard.Format("15:04:05.000"), number, acked)
}

// greet exchanges versions. A stranger may send no more than a hello is long.
func (s *session) greet() error {
	if err := s.conn.SetDeadline(time.Now().Add(s.w.idle)); err != nil {
		return err
	}
	k, content, err := s.in.next(len(helloText) + 3)
	if err != nil {
		return err
	}
	d := decoder{b: content}
	version, text := d.u16(), string(d.b)
	if k != kindHello || d.bad || text != helloText {
		return fmt.Errorf("%w: it does not say hello", errFrame)
	}
	if version != protocolVersion {
		return s.refuse(fmt.Errorf("plug: version %d: this witness speaks %d; use the same flushbench on both machines", version, protocolVersion))
	}
	var e encoder
	e.u16(protocolVersion)
	e.id(s.w.mu.journal.id)
	return s.send(kindWelcome, e)
}

// answer answers one request.
func (s *session) answer() error {
	if err := s.conn.SetReadDeadline(time.Now().Add(s.w.idle)); err != nil {
		return err
	}
	k, content, err := s.in.next(MaxFrame)
	if err != nil {
		return err
	}
	if err := s.request(k, content); err != nil {
		return s.refuse(err)
	}
	return nil
}

// request does what is asked for. Its error is told to the client.
func (s *session) request(k kind, content []byte) error {
	switch k {
	case kindOpen:
		o, err := decodeOpening(content)
		if err != nil {
			return err
		}
		r, err := s.w.open(&o)
		if err == nil {
			s.w.say("run %s: opened by %v", r.name, s.conn.RemoteAddr())
		}
		return s.enter(r, err)
	case kindResume, kindFetch:
		d := decoder{b: content}
		id := d.id()
		if err := d.done("run id"); err != nil {
			return err
		}
		r, err := s.w.find(id)
		if k == kindResume || err != nil {
			return s.enter(r, err)
		}
		return s.tell(r)
	case kindReport, kindEnd:
		if s.run == nil {
			return errors.New("plug: a report without a run: open or resume one first")
		}
		return s.confirm(s.w.take(s.run, k, content))
	}
	return fmt.Errorf("%w: a request of kind %d", errFrame, k)
}

// enter makes a run the session's.
func (s *session) enter(r *run, err error) error {
	if err != nil {
		return err
	}
	s.run = r
	var e encoder
	e.u64(s.w.number(r))
	return s.send(kindOpened, e)
}

// confirm says that everything up to a report is flushed.
func (s *session) confirm(number uint64, err error) error {
	if err != nil {
		return err
	}
	var e encoder
	e.u64(number)
	return s.send(kindConfirm, e)
}

// tell sends all that is known of a run.
func (s *session) tell(r *run) error {
	sum, reports := s.w.state(r)
	if err := s.send(kindRun, sum.encode()); err != nil {
		return err
	}
	for _, k := range reports {
		if err := s.send(kindReport, k.content); err != nil {
			return err
		}
	}
	return nil
}

// refuse tells the client why, and ends the session.
func (s *session) refuse(why error) error {
	var e encoder
	e.text(why.Error(), maxText)
	return errors.Join(errRefused, why, s.send(kindRefused, e))
}

// send sends a frame.
func (s *session) send(k kind, content []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(slow)); err != nil {
		return err
	}
	if _, err := s.out.Write(appendFrame(nil, k, content)); err != nil {
		return err
	}
	return s.out.Flush()
}
