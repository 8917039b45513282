package ledger

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine/clock"
)

func made(t testing.TB, c Config) *Ledger {
	t.Helper()
	l, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		in   Config
		want string // part of the error; "": none
	}{
		{Config{Clients: 1}, ""},
		{Config{Clients: MaxClients, History: 64}, ""},
		{Config{}, "0 clients: must be 1 to 65536"},
		{Config{Clients: MaxClients + 1}, "65537 clients: must be 1 to 65536"},
		{Config{Clients: 1, History: 1}, "a history of 1 acknowledgements: must be 2 to 1048576"},
		{Config{Clients: 1, Samples: 1}, "1 samples: must be 2 to 1048576"},
		{Config{Clients: MaxClients, History: MaxHistory}, "must be at most 1073741824"},
	} {
		err := c.in.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("Validate(%+v) = %v; want %q", c.in, err, c.want)
		}
	}
	c := Config{Clients: 1, History: 5, Samples: 100}
	if err := c.Validate(); err != nil || c.History != 8 || c.Samples != 128 {
		t.Errorf("Validate rounds to %+v, %v; want powers of two", c, err)
	}
}

// A lane says what its client was told, whatever it was told before, and the
// times of as many as it remembers.
func TestLaneAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := rapid.SampledFrom([]int{2, 4, 8, 64}).Draw(t, "history")
		base := rapid.Uint64Range(0, 20).Draw(t, "base")
		n := rapid.IntRange(0, 150).Draw(t, "commits")
		begun := rapid.Uint64Range(0, 1).Draw(t, "under way")
		l, err := New(Config{Clients: 3, History: history})
		if err != nil {
			t.Fatal(err)
		}
		lane := l.Lane(1)
		lane.Open(base)
		times := map[uint64]int64{}
		now := int64(1000)
		for seq := base + 1; seq <= base+uint64(n); seq++ {
			lane.Begin(seq)
			now += rapid.Int64Range(0, 3).Draw(t, "pause")
			lane.Ack(seq, now, 10*seq, int64(seq%3))
			times[seq] = now
		}
		if begun > 0 {
			lane.Begin(base + uint64(n) + begun)
		}
		c := l.Read().Clients[1]
		last := base + uint64(n)
		if !c.Opened || c.Base != base || c.Acked != last || c.Begun != last+begun {
			t.Fatalf("the lane says %+v; want base %d, acked %d, begun %d", c, base, last, last+begun)
		}
		if want := min(n, history-1); len(c.Acks) != want && n != history-1 {
			t.Fatalf("%d acknowledgements have a time; want %d", len(c.Acks), want)
		}
		for seq := c.First; seq <= c.Acked; seq++ {
			if a, ok := c.At(seq); !ok || a != (Ack{times[seq], 10 * seq, int64(seq % 3)}) {
				t.Fatalf("At(%d) = %+v, %v; want %d, %d and %d", seq, a, ok, times[seq], 10*seq, seq%3)
			}
		}
		for _, seq := range []uint64{c.First - 1, last + 1} {
			if a, ok := c.At(seq); ok {
				t.Fatalf("At(%d) = %+v; want none: known are %d to %d", seq, a, c.First, last)
			}
		}
		cut := rapid.Int64Range(999, now+1).Draw(t, "cut")
		want := base
		for seq := base + 1; seq <= last && times[seq] < cut; seq++ {
			want = seq
		}
		got, exact := c.AckedBefore(cut)
		if exact && got != want || got < want {
			t.Fatalf("AckedBefore(%d) = %d, %v; want %d", cut, got, exact, want)
		}
		if !exact && len(c.Acks) == n {
			t.Fatal("AckedBefore has all times and says that it is not exact")
		}
		if got := l.Acked(); got != uint64(n) {
			t.Fatalf("Acked() = %d; want %d", got, n)
		}
	})
}

// A lane that nobody has opened says so.
func TestLaneNotOpened(t *testing.T) {
	c := made(t, Config{Clients: 1}).Read().Clients[0]
	if c.Opened || c.Acked != 0 || c.Begun != 0 || len(c.Acks) != 0 {
		t.Errorf("a lane that was not opened says %+v", c)
	}
}

func sampleOf(n int) *Sample {
	s := &Sample{At: clock.Now(), Acked: uint64(n)}
	s.Written, s.Flushed, s.BinlogWritten, s.BinlogFlushed, s.Last, s.Overflow = s.Acked+1, s.Acked+2, s.Acked+3, s.Acked+4, s.Acked+5, s.Acked+6
	for k := range s.Risk {
		v := int64(n + 10*k)
		s.Risk[k] = Risk{Commits: v, Bytes: v + 1, AgeNs: v + 2, Xid: uint64(v + 3), Prepare: uint64(v + 4), Commit: uint64(v + 5)}
	}
	return s
}

// The ring holds the last samples, field by field, and forgets a slot that its
// writer had begun and not ended.
func TestSamples(t *testing.T) {
	const slots = 8
	l := made(t, Config{Clients: 1, Samples: slots})
	var all []Sample
	for n := range 21 {
		s := sampleOf(n)
		l.Record(s)
		all = append(all, *s)
		got := l.Read().Samples
		want := all[max(0, len(all)-slots):]
		if len(got) != len(want) {
			t.Fatalf("after %d samples there are %d; want %d", n+1, len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("sample %d of %d is %+v; want %+v", i, n+1, got[i], want[i])
			}
		}
	}
	// The writer died in its next sample: the slot is void.
	l.slot(21)[0].Store(0)
	l.slot(21)[1].Store(99)
	if got, want := l.Read().Samples, all[21-slots+1:]; len(got) != slots-1 || got[0] != want[0] || got[slots-2] != want[slots-2] {
		t.Errorf("with a slot that was being written there are %d samples from %+v; want %d", len(got), got[0], slots-1)
	}
	// It died after it had marked the slot, before it had counted it.
	l.slot(21)[0].Store(22)
	if got := l.Read().Samples; len(got) != slots || got[slots-1].At != 99-clock.Origin() {
		t.Errorf("with a sample that is whole and not counted there are %d; want %d", len(got), slots)
	}
}

// Readers see whole samples and consistent pairs while writers write.
func TestReadWhileWriting(t *testing.T) {
	const clients, commits = 3, 20_000
	l := made(t, Config{Clients: clients, History: 16, Samples: 4})
	var writers, reader sync.WaitGroup
	stop := make(chan struct{})
	for c := range clients {
		lane := l.Lane(c)
		lane.Open(0)
		writers.Go(func() {
			for seq := uint64(1); seq <= commits; seq++ {
				lane.Begin(seq)
				lane.Ack(seq, int64(1000+seq), 7*seq, int64(seq%9))
			}
		})
	}
	writers.Go(func() {
		for n := range commits / 10 {
			s := sampleOf(n)
			s.At = int64(n)
			l.Record(s)
		}
	})
	reader.Go(func() {
		for {
			checkLive(t, l.Read())
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	writers.Wait()
	close(stop)
	reader.Wait()
}

func checkLive(t *testing.T, s *State) {
	for _, c := range s.Clients {
		if c.Begun < c.Acked || c.Begun > c.Acked+1 && len(c.Acks) > 0 && c.Begun < c.Acks[0].End/7 {
			t.Errorf("begun %d, acknowledged %d", c.Begun, c.Acked)
		}
		for i, a := range c.Acks {
			if seq := c.First + uint64(i); a != (Ack{int64(1000 + seq), 7 * seq, int64(seq % 9)}) {
				t.Errorf("acknowledgement %d is %+v", seq, a)
			}
		}
	}
	for _, x := range s.Samples {
		want := *sampleOf(int(x.Acked))
		want.At = int64(x.Acked)
		if x != want {
			t.Errorf("sample %+v; want %+v", x, want)
		}
	}
}

// Of many failures the first one counts, and a long text is cut.
func TestFailure(t *testing.T) {
	l := made(t, Config{Clients: 1})
	if l.Failed() || l.Failure() != nil || l.Struck() != 0 || l.Began() != 0 {
		t.Error("a new ledger has a failure, or a begin")
	}
	text := strings.Repeat("a flush failed ", 100)
	l.Fail(123, text)
	l.Fail(456, "another")
	l.Strike(77)
	l.Begin(55)
	f := l.Read().Failure
	if f == nil || f.At != 123 || !strings.HasPrefix(text, f.Text) || len(f.Text) != 8*failWords {
		t.Errorf("the failure is %+v", f)
	}
	if s := l.Read(); s.Struck != 77 || s.Began != 55 {
		t.Errorf("struck at %d, began at %d; want 77 and 55", s.Struck, s.Began)
	}
	half := made(t, Config{Clients: 1})
	half.w[headFailed].Store(failBegun)
	if f := half.Failure(); f == nil || f.At != 0 || f.Text == "" {
		t.Errorf("a failure whose writer has died is %+v", f)
	}
}

// What is saved as evidence says the same when it is loaded.
func TestSaveAndLoad(t *testing.T) {
	l := made(t, Config{Clients: 2, History: 4, Samples: 2})
	lane := l.Lane(1)
	lane.Open(5)
	lane.Begin(6)
	lane.Ack(6, 1000, 64, 32)
	l.Record(sampleOf(3))
	l.Fail(9, "gone")
	var b bytes.Buffer
	n, err := l.WriteTo(&b)
	if err != nil || n != int64(b.Len()) || n != l.Config().Bytes() {
		t.Fatalf("WriteTo = %d, %v; the buffer has %d, the ledger %d", n, err, b.Len(), l.Config().Bytes())
	}
	again, err := Load(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	got, want := again.Read(), l.Read()
	if got.Clients[1].Acks[0] != want.Clients[1].Acks[0] || got.Clients[1].Acked != 6 || got.Samples[0] != want.Samples[0] || *got.Failure != *want.Failure {
		t.Errorf("loaded: %+v; want %+v", got, want)
	}
}

func FuzzLoad(f *testing.F) {
	l, err := New(Config{Clients: 1, History: 2, Samples: 2})
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := l.WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:100])
	f.Add([]byte("flushlg1"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := Load(bytes.NewReader(raw))
		if err != nil {
			return
		}
		s := l.Read()
		for i := range s.Clients {
			s.Clients[i].AckedBefore(clock.Now())
		}
	})
}

// What the ledger adds to a commit.
func BenchmarkCommit(b *testing.B) {
	lane := made(b, Config{Clients: 1}).Lane(0)
	lane.Open(0)
	b.ReportAllocs()
	for seq := uint64(1); b.Loop(); seq++ {
		lane.Begin(seq)
		lane.Ack(seq, clock.Now(), seq, 8)
	}
}

// The clock alone, which a client of the driver has to read anyway.
func BenchmarkClock(b *testing.B) {
	for b.Loop() {
		clock.Now()
	}
}
