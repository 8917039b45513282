package postgres

import (
	"encoding/binary"
	"errors"
	"io"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"flushbench/workload/target"
)

// wire executes prepared statements on a connection that pgconn has made, one at a
// time, with arguments and results in binary, and allocates nothing. Where pgconn
// asks for the description of each result, starts a timer for each write and makes
// a string of each command tag, it does nothing: the clients share the processors
// with the server. For the messages see the manual, "Message Formats".
type wire struct {
	conn io.ReadWriteCloser
	raw  syscall.RawConn // nil: conn blocks, or is no plain socket
	step func(fd uintptr) bool

	out  []byte // the statement, message by message
	bind int    // where the length of Bind stands in it
	sent int    // bytes of out that the socket has taken

	in         []byte // what was read: [head, tail) is still to be parsed
	head, tail int
	skip       int // bytes of a message's body that nobody wants, beyond tail
	ioErr      error

	// status is the transaction's after the last statement: I none, T in one, E in
	// one that has failed.
	status byte
	// none: the last statement changed no row.
	none bool
}

// readAhead is how much is read at once: the answers to statements but ranges fit.
const readAhead = 8 << 10

// longestError bounds the error message of a server.
const longestError = 1 << 20

// newWire takes over what is left of a connection. few: there are fewer clients than
// processors for them. REQUIRES: nothing is under way on it and nothing of it is
// buffered.
//
// A plain socket can be waited for in two ways. With few clients each blocks in its
// system call, two for a statement, and half of the processors is left to the rest of
// the program. With many a client that blocks would keep a processor from those that
// could go on until the runtime takes it away; they wait in the runtime's poller.
func newWire(h *pgconn.HijackedConn, few bool) *wire {
	w := &wire{conn: h.Conn, status: h.TxStatus, in: make([]byte, readAhead), out: make([]byte, 0, 512)}
	c, ok := h.Conn.(syscall.Conn)
	if !ok { // TLS
		return w
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return w
	}
	if few {
		if b := target.NewBlocking(raw); b != nil {
			_ = w.conn.Close() // b has the socket too
			w.conn = b
			return w
		}
	}
	w.raw, w.step = raw, w.turn
	return w
}

// begin starts a statement; its arguments, so many, follow by number and text.
func (w *wire) begin(statement string, arguments int) {
	b := append(w.out[:0], 'B', 0, 0, 0, 0, 0) // the unnamed portal
	w.bind = 1
	b = append(append(b, statement...), 0)
	b = append(b, 0, 1, 0, 1) // all arguments are binary
	w.out = binary.BigEndian.AppendUint16(b, uint16(arguments))
}

// number adds an argument that is a bigint.
func (w *wire) number(n int64) {
	w.out = binary.BigEndian.AppendUint64(append(w.out, 0, 0, 0, 8), uint64(n))
}

// text adds an argument that is text.
func (w *wire) text(b []byte) {
	w.out = append(binary.BigEndian.AppendUint32(w.out, uint32(len(b))), b...)
}

// execute sends the statement that begin has started and waits for its end. An
// error of the server is a *pgconn.PgError, after which the connection is good
// unless the server ends it; every other error means that it is lost.
func (w *wire) execute() error {
	b := append(w.out, 0, 1, 0, 1) // all results are binary
	binary.BigEndian.PutUint32(b[w.bind:], uint32(len(b)-w.bind))
	b = append(b, 'E', 0, 0, 0, 9, 0, 0, 0, 0, 0) // Execute, all rows
	w.out = append(b, 'S', 0, 0, 0, 4)            // Sync
	w.sent, w.head, w.tail, w.skip, w.none = 0, 0, 0, 0, false
	err := w.send()
	// What the server said before it ended the connection is worth more than err.
	if said := w.answer(); said != nil || err == nil {
		return said
	}
	return err
}

// answer reads until the server is ready for the next statement.
func (w *wire) answer() error {
	var failed *pgconn.PgError
	for {
		kind, body, err := w.message()
		if err != nil {
			if failed != nil { // and then it ended the connection
				return failed
			}
			return err
		}
		switch kind {
		case 'C':
			n := len(body) - 1 // UPDATE 0, and a zero byte
			w.none = n >= 2 && body[n-1] == '0' && body[n-2] == ' '
		case 'E':
			var m pgproto3.ErrorResponse
			if err := m.Decode(body); err != nil {
				return err
			}
			if failed == nil {
				failed = pgconn.ErrorResponseToPgError(&m)
			}
		case 'Z':
			if len(body) != 1 {
				return errMessage
			}
			w.status = body[0]
			if failed != nil {
				return failed
			}
			return nil
		}
	}
}

// errMessage: what came is not the protocol.
var errMessage = errors.New("malformed message of the server")

// message returns the next message of a kind that answer looks at; body is valid
// until the next call. The others are skipped: there may be megabytes of rows.
func (w *wire) message() (kind byte, body []byte, err error) {
	for {
		if err := w.need(5); err != nil {
			return 0, nil, err
		}
		kind = w.in[w.head]
		n := int(binary.BigEndian.Uint32(w.in[w.head+1:])) - 4
		if n < 0 {
			return 0, nil, errMessage
		}
		w.head += 5
		if kind != 'C' && kind != 'E' && kind != 'Z' {
			rest := min(n, w.tail-w.head)
			w.head += rest
			w.skip = n - rest
			continue
		}
		if n > longestError {
			return 0, nil, errMessage
		}
		if err := w.need(n); err != nil {
			return 0, nil, err
		}
		body = w.in[w.head : w.head+n]
		w.head += n
		return kind, body, nil
	}
}

// need reads until n bytes are there to be parsed.
func (w *wire) need(n int) error {
	for w.tail-w.head < n || w.skip > 0 {
		if w.skip == 0 && w.head > 0 {
			w.tail = copy(w.in, w.in[w.head:w.tail])
			w.head = 0
		}
		if w.skip > 0 {
			w.head, w.tail = 0, 0 // nothing of it is wanted
		}
		if n > len(w.in) {
			w.in = append(w.in, make([]byte, n-len(w.in))...)
		}
		got, err := w.receive()
		if err != nil {
			return err
		}
		w.tail += got
		if w.skip > 0 {
			w.head = min(w.skip, w.tail)
			w.skip -= w.head
		}
	}
	return nil
}

// send gives the statement to the socket. On a plain one it also waits for the
// beginning of the answer and reads it: the poller is armed before the write, so
// that the read that finds nothing yet, which every other client makes, falls away.
func (w *wire) send() error {
	if w.raw == nil {
		return w.sendRest()
	}
	w.ioErr = nil
	if err := w.raw.Read(w.step); err != nil {
		return err
	}
	if w.ioErr != nil {
		return w.ioErr
	}
	return w.sendRest()
}

// sendRest sends what the socket has not taken at once, or all.
func (w *wire) sendRest() error {
	if w.sent == len(w.out) {
		return nil
	}
	_, err := w.conn.Write(w.out[w.sent:])
	w.sent = len(w.out)
	return err
}

// turn is called by the poller's side of send: first to write, then whenever there
// may be something to read. It returns true when it is done.
func (w *wire) turn(fd uintptr) bool {
	if w.sent < len(w.out) {
		n, again, err := writeSocket(fd, w.out[w.sent:])
		w.sent += max(n, 0)
		if w.ioErr = err; err != nil || again || w.sent < len(w.out) {
			return true // the rest must wait for room
		}
		return false
	}
	n, again, err := readSocket(fd, w.in)
	if again {
		return false
	}
	if n == 0 && err == nil {
		err = io.ErrUnexpectedEOF
	}
	w.tail, w.ioErr = max(n, 0), err
	return true
}

// receive reads more to the end of in.
func (w *wire) receive() (int, error) {
	n, err := w.conn.Read(w.in[w.tail:])
	if n > 0 {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return 0, io.ErrUnexpectedEOF
	}
	return 0, err
}

// close says goodbye and closes the connection.
func (w *wire) close() error {
	_, _ = w.conn.Write([]byte{'X', 0, 0, 0, 4}) // the server may be gone
	return w.conn.Close()
}
