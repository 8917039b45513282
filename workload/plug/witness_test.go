package plug

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
)

// serving is a witness that answers on a loopback port until it is stopped.
type serving struct {
	*Witness
	addr string
	stop func() error // also closes the journal

	mu    sync.Mutex
	notes []string
}

// port is a listener that stays open between two witnesses, so that nobody else
// gets its number.
type port struct{ *net.TCPListener }

// Close makes Accept return.
func (p port) Close() error { return p.SetDeadline(time.Unix(1, 0)) }

// aJournal is the path of a new journal, in memory where there is a folder for that: who
// asks a witness gives up after seconds, and so long may the flush of a disk take that
// others are busy with.
func aJournal(t *testing.T) string {
	t.Helper()
	dir, err := testenv.MakeIn("/dev/shm", "flushbench-witness-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "journal")
}

func aPort(t *testing.T) port {
	t.Helper()
	l, others, err := Listen("127.0.0.1:0")
	if err != nil || others {
		t.Fatalf("Listen(127.0.0.1:0): others %v, %v", others, err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return port{l.(*net.TCPListener)}
}

// serve starts a witness. patience 0 is its own.
func serve(t *testing.T, journal string, on port, patience time.Duration) *serving {
	t.Helper()
	s := &serving{}
	w, err := OpenWitness(WitnessOptions{Journal: journal, Note: func(text string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.notes = append(s.notes, text)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if patience > 0 {
		w.idle = patience
	}
	if err := on.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Serve(ctx, on) }()
	s.Witness, s.addr = w, on.Addr().String()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-ended, w.Close())
	})
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dialed is a client that the test closes.
func dialed(t *testing.T, addr string) *client {
	t.Helper()
	c, err := dial(context.Background(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.close() })
	return c
}

func anOpening(t *testing.T, name string) *opening {
	t.Helper()
	id, err := newID()
	if err != nil {
		t.Fatal(err)
	}
	return &opening{id: id, name: name, description: []byte("of " + name)}
}

func TestConversation(t *testing.T) {
	s := serve(t, aJournal(t), aPort(t), 0)
	c := dialed(t, s.addr)
	o := anOpening(t, "one")
	if err := c.open(o); err != nil {
		t.Fatal(err)
	}
	for n := uint64(1); n <= 5; n++ {
		if err := c.report(n, step(n).encode()); err != nil {
			t.Fatal(err)
		}
	}
	// A second connection goes on; what the first one may have sent is confirmed
	// again, once.
	d := dialed(t, s.addr)
	if n, err := d.resume(o.id); n != 5 || err != nil {
		t.Fatalf("resume() = %d, %v; want 5", n, err)
	}
	for _, n := range []uint64{5, 6} {
		if err := d.report(n, step(n).encode()); err != nil {
			t.Fatal(err)
		}
	}
	sum, reports, err := dialed(t, s.addr).fetch(o.id)
	if err != nil || len(reports) != 6 || reports[5].Acked() != 6 || sum.name != "one" || string(sum.description) != "of one" || sum.heard.Before(sum.opened) {
		t.Errorf("fetch() = %+v, %d reports, %v", sum, len(reports), err)
	}
	mute := dialed(t, s.addr)
	if _, err := mute.resume(o.id); err != nil {
		t.Fatal(err)
	}
	if err := mute.end(""); err == nil {
		t.Error("an end without a word, which nobody could tell from none, is confirmed")
	}
	if err := d.end("enough"); err != nil {
		t.Fatal(err)
	}
	if sum, _, err = dialed(t, s.addr).fetch(o.id); err != nil || sum.ended != "enough" {
		t.Errorf("ended %q, %v", sum.ended, err)
	}
	if names := s.Runs(); len(names) != 1 || names[0] != "one" {
		t.Errorf("Runs() = %q", names)
	}
}

func TestWitnessRefuses(t *testing.T) {
	s := serve(t, aJournal(t), aPort(t), 0)
	o := anOpening(t, "one")
	c := dialed(t, s.addr)
	if err := c.open(o); err != nil {
		t.Fatal(err)
	}
	if err := c.open(o); err != nil {
		t.Errorf("the same run once more: %v", err)
	}
	if err := c.report(1, step(1).encode()); err != nil {
		t.Fatal(err)
	}
	stranger := anOpening(t, "another")
	second, renamed := anOpening(t, "one"), *o
	renamed.name = "two"
	wrong := step(2)
	wrong.Lanes[0].Acked = 0
	for what, call := range map[string]func(c *client) error{
		"knows no run":                   func(c *client) error { _, err := c.resume(stranger.id); return err },
		"no run " + stranger.id.String(): func(c *client) error { _, _, err := c.fetch(stranger.id); return err },
		"already: each cut":              func(c *client) error { return c.open(second) },
		"has another name":               func(c *client) error { return c.open(&renamed) },
		"small letters":                  func(c *client) error { return c.open(&opening{id: stranger.id, name: "../x"}) },
		"without a run":                  func(c *client) error { return c.report(1, step(1).encode()) },
		"does not follow":                func(c *client) error { return resumed(c, o.id, step(3)) },
		"back to 0":                      func(c *client) error { return resumed(c, o.id, wrong) },
		"a report that is dam":           func(c *client) error { _, _ = c.resume(o.id); return c.report(2, []byte("x")) },
		"a request of kind":              func(c *client) error { _, err := c.call(99, nil, kindConfirm); return err },
	} {
		err := call(dialed(t, s.addr))
		var no *Refusal
		if !errors.As(err, &no) || !strings.Contains(err.Error(), what) {
			t.Errorf("%v; want a refusal with %q", err, what)
		}
	}
	if _, reports, err := dialed(t, s.addr).fetch(o.id); err != nil || len(reports) != 1 {
		t.Errorf("afterwards the run has %d reports, %v; want 1", len(reports), err)
	}
}

// resumed sends a report on a connection that has just resumed the run.
func resumed(c *client, id ID, r *Report) error {
	if _, err := c.resume(id); err != nil {
		return err
	}
	return c.report(r.Number, r.encode())
}

func TestOtherVersionIsRefused(t *testing.T) {
	s := serve(t, aJournal(t), aPort(t), 0)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var hello encoder
	hello.u16(protocolVersion + 1)
	if _, err := conn.Write(appendFrame(nil, kindHello, append(hello, helloText...))); err != nil {
		t.Fatal(err)
	}
	k, text, err := (&frameReader{r: conn}).next(MaxFrame)
	if k != kindRefused || err != nil || !strings.Contains(string(text), "version 2: this witness speaks 1") {
		t.Errorf("it answers kind %d, %q, %v", k, text, err)
	}
}

// Garbage, clients that send half a frame and wait, that never read, that
// vanish, and more of them than there are places: a load is served all the same,
// and nobody stays.
func TestHostilePort(t *testing.T) {
	t.Parallel()
	const patience = 4 * time.Second
	s := serve(t, aJournal(t), aPort(t), patience)
	c := dialed(t, s.addr)
	o := anOpening(t, "one")
	if err := c.open(o); err != nil {
		t.Fatal(err)
	}
	heard := time.Now() // when the witness confirmed something last
	var hello encoder
	hello.u16(protocolVersion)
	greeting := appendFrame(nil, kindHello, append(hello, helloText...))
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 3<<10)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	huge := append([]byte(frameMagic), 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0)
	inputs := [][]byte{
		noise, nil, []byte("GET / HTTP/1.1\r\n\r\n"), greeting[:7], huge, append([]byte(nil), greeting...), append(greeting[:len(greeting):len(greeting)], huge...),
		append(greeting[:len(greeting):len(greeting)], noise...), appendFrame(nil, kindHello, make([]byte, 5)), appendFrame(nil, kindReport, step(1).encode()),
		append(greeting[:len(greeting):len(greeting)], appendFrame(nil, kindOpen, o.encode())[:20]...),
	}
	var conns []net.Conn
	for n := uint64(1); n <= 3*MaxConns; n++ {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(inputs[int(n)%len(inputs)]) // it may have hung up already
		if n%3 == 0 {
			_ = conn.Close()
		} else {
			conns = append(conns, conn)
		}
		err = c.report(n, step(n).encode())
		if err != nil && time.Since(heard) > patience/2 {
			// This process stood still, and was hung up on for it as any other.
			c = waitFor(t, s.addr)
			err = resumed(c, o.id, step(n))
		}
		if err != nil {
			t.Fatalf("report %d: %v", n, err)
		}
		heard = time.Now()
	}
	// Every one of them is hung up on, without having to go by itself.
	for _, conn := range conns {
		if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		var timeout net.Error
		if _, err := io.Copy(io.Discard, conn); errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatal("a connection stays open")
		}
		_ = conn.Close()
	}
	// The last of them may still hold its place.
	if _, reports, err := waitFor(t, s.addr).fetch(o.id); err != nil || len(reports) != 3*MaxConns {
		t.Errorf("the run has %d reports, %v; want %d", len(reports), err, 3*MaxConns)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.notes) < 2 || len(s.notes) > 20 {
		t.Errorf("it has said %d sentences: %q", len(s.notes), s.notes)
	}
}

// waitFor is a client that the test closes, of a witness that may have no place yet.
func waitFor(t *testing.T, addr string) *client {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		c, err := dial(context.Background(), addr)
		if err == nil {
			t.Cleanup(func() { _ = c.close() })
			return c
		}
		if time.Since(begin) > time.Minute {
			t.Fatal(err)
		}
	}
}

// slowToClose is a listener whose Close takes until the test lets it return.
type slowToClose struct {
	net.Listener
	closing, release chan struct{}
}

func (l slowToClose) Close() error {
	err := l.Listener.Close()
	close(l.closing)
	<-l.release
	return err
}

// Who starts a witness where one has just ended finds its address free: it has closed
// its listener by then.
func TestServeHasClosedItsListener(t *testing.T) {
	w := opened(t, aJournal(t))
	l, _, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	slow := slowToClose{l, make(chan struct{}), make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Serve(ctx, slow) }()
	cancel()
	<-slow.closing
	select {
	case err := <-ended:
		t.Errorf("Serve() = %v, and it is still closing its listener", err)
		close(slow.release)
	case <-time.After(300 * time.Millisecond): // one that does not wait has long returned
		close(slow.release)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// A witness whose journal fails confirms nothing and ends.
func TestWitnessEndsWithItsJournal(t *testing.T) {
	w, err := OpenWitness(WitnessOptions{Journal: aJournal(t)})
	if err != nil {
		t.Fatal(err)
	}
	l, _, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- w.Serve(context.Background(), l) }()
	c := dialed(t, l.Addr().String())
	o := anOpening(t, "one")
	if err := c.open(o); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil { // a write to it fails from now on
		t.Fatal(err)
	}
	if err := c.report(1, step(1).encode()); err == nil {
		t.Error("a report is confirmed that was not flushed")
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "journal") {
		t.Errorf("Serve() = %v; want what became of the journal", err)
	}
}

func TestListen(t *testing.T) {
	for _, bad := range []string{"", "localhost", "127.0.0.1:99999"} {
		if _, _, err := Listen(bad); err == nil {
			t.Errorf("Listen(%q): no error", bad)
		}
	}
	l, others, err := Listen(":0")
	if err != nil || !others {
		t.Fatalf("Listen(:0): others %v, %v; want true", others, err)
	}
	_ = l.Close()
	if host, _, err := net.SplitHostPort(DefaultListen); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("the default, %s, is not loopback", DefaultListen)
	}
}

// Many loads at once are kept apart.
func TestManyLoads(t *testing.T) {
	journal := aJournal(t)
	s := serve(t, journal, aPort(t), 0)
	var loads sync.WaitGroup
	ids := make([]ID, 8)
	for i := range ids {
		o := anOpening(t, fmt.Sprintf("run-%d", i))
		ids[i] = o.id
		loads.Go(func() {
			c, err := dial(context.Background(), s.addr)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = c.close() })
			err = c.open(o)
			for n := uint64(1); n <= uint64(10+i) && err == nil; n++ {
				err = c.report(n, step(n).encode())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	loads.Wait()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	again := opened(t, journal)
	for i, id := range ids {
		if r := again.mu.runs.byID[id]; r == nil || r.last.Number != uint64(10+i) {
			t.Errorf("run %d: %+v", i, r)
		}
	}
}
