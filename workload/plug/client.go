package plug

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Refusal is what a witness says no to, a name that is taken, a run that it does not
// know, another version, and what whoever calls can put right: a journal that cannot be
// used, a folder that is missing, an address that is none.
type Refusal struct{ Text string }

func (r *Refusal) Error() string { return r.Text }

// client is a connection to a witness. One goroutine uses it.
type client struct {
	addr    string
	conn    net.Conn
	in      frameReader
	witness ID
}

// dial connects and says hello.
func dial(ctx context.Context, addr string) (*client, error) {
	if err := CheckAddr(addr); err != nil {
		return nil, &Refusal{err.Error()}
	}
	ctx, stop := context.WithTimeout(ctx, slow)
	defer stop()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("plug: no witness at %s: %w", addr, err)
	}
	c := &client{addr: addr, conn: conn, in: frameReader{r: bufio.NewReader(conn)}}
	var hello encoder
	hello.u16(protocolVersion)
	welcome, err := c.call(kindHello, append(hello, helloText...), kindWelcome)
	d := decoder{b: welcome}
	version := d.u16()
	c.witness = d.id()
	if err == nil {
		err = d.done("welcome")
	}
	if err == nil && version != protocolVersion {
		err = fmt.Errorf("plug: the witness at %s speaks version %d: must be %d", addr, version, protocolVersion)
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *client) close() error { return c.conn.Close() }

// call sends a request and returns the content of the answer, which must be of the
// kind want. The error of a witness that says no is a *Refusal.
func (c *client) call(k kind, content []byte, want kind) ([]byte, error) {
	if err := c.conn.SetDeadline(time.Now().Add(slow)); err != nil {
		return nil, fmt.Errorf("plug: witness %s: %w", c.addr, err)
	}
	if _, err := c.conn.Write(appendFrame(nil, k, content)); err != nil {
		return nil, fmt.Errorf("plug: witness %s: %w", c.addr, err)
	}
	return c.receive(want)
}

// receive returns the content of the next frame.
func (c *client) receive(want kind) ([]byte, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(slow)); err != nil {
		return nil, fmt.Errorf("plug: witness %s: %w", c.addr, err)
	}
	k, content, err := c.in.next(MaxFrame)
	switch {
	case err != nil:
		return nil, fmt.Errorf("plug: witness %s: %w", c.addr, err)
	case k == kindRefused:
		d := decoder{b: content}
		return nil, &Refusal{d.text(maxText)}
	case k != want:
		return nil, fmt.Errorf("plug: %s is no witness: an answer of kind %d; want %d", c.addr, k, want)
	}
	return content, nil
}

// ask is call for requests that are answered with a number.
func (c *client) ask(k kind, content []byte, want kind) (uint64, error) {
	b, err := c.call(k, content, want)
	if err != nil {
		return 0, err
	}
	d := decoder{b: b}
	n := d.u64()
	return n, d.done("number")
}

// open begins a run.
func (c *client) open(o *opening) error {
	_, err := c.ask(kindOpen, o.encode(), kindOpened)
	return err
}

// resume goes on with a run and returns the number of its last report.
func (c *client) resume(id ID) (uint64, error) { return c.ask(kindResume, id[:], kindOpened) }

// report sends a report. It is flushed there when nil is returned.
func (c *client) report(number uint64, content []byte) error {
	n, err := c.ask(kindReport, content, kindConfirm)
	if err == nil && n != number {
		err = fmt.Errorf("plug: witness %s: it confirms report %d; want %d", c.addr, n, number)
	}
	return err
}

// end says that the load has ended by itself.
func (c *client) end(why string) error {
	_, err := c.ask(kindEnd, []byte(why[:min(len(why), maxText)]), kindConfirm)
	return err
}

// fetch returns what is known of a run: its newest reports, in order.
func (c *client) fetch(id ID) (summary, []*Report, error) {
	b, err := c.call(kindFetch, id[:], kindRun)
	if err != nil {
		return summary{}, nil, err
	}
	s, err := decodeSummary(b)
	if err != nil {
		return s, nil, err
	}
	var all []*Report
	size := 0
	for range s.count {
		b, err := c.receive(kindReport)
		if err != nil {
			return s, nil, err
		}
		r, err := decodeReport(b)
		if err == nil && len(all) > 0 {
			err = r.after(all[len(all)-1])
		}
		if size += len(b); err == nil && size > MaxRunBytes+MaxFrame {
			err = fmt.Errorf("plug: witness %s: more than %d bytes of reports", c.addr, MaxRunBytes)
		}
		if err != nil {
			return s, nil, err
		}
		all = append(all, r)
	}
	return s, all, nil
}
