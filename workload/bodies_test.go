package workload

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
)

var logOverhead = Overhead{Header: 40, Align: 8}

func mustBodies(t *testing.T, seed uint64, sizes string) *Bodies {
	t.Helper()
	var s Sizes
	if err := s.UnmarshalText([]byte(sizes)); err != nil {
		t.Fatal(err)
	}
	b, err := NewBodies(seed, s, logOverhead)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOverhead(t *testing.T) {
	for _, c := range []struct{ record, body, bytes int }{
		{1, 0, 40}, {40, 0, 40}, {41, 8, 48}, {48, 8, 48}, {100, 64, 104}, {256, 216, 256}, {4096, 4056, 4096},
	} {
		body := logOverhead.Body(c.record)
		if bytes := logOverhead.Bytes(body); body != c.body || bytes != c.bytes {
			t.Errorf("record of %d bytes: body %d, %d bytes of log; want %d, %d", c.record, body, bytes, c.body, c.bytes)
		}
	}
	if got := (Overhead{Header: 3}).Bytes((Overhead{Header: 3}).Body(10)); got != 10 {
		t.Errorf("without an alignment a record of 10 bytes takes %d", got)
	}
}

func TestBodiesAreDeterministic(t *testing.T) {
	for _, sizes := range []string{"256", "1", "uniform:41-4000", "lognormal:300,1.2"} {
		a, b, other := mustBodies(t, 7, sizes), mustBodies(t, 7, sizes), mustBodies(t, 8, sizes)
		same := 0
		for client := range uint32(20) {
			for seq := uint64(1); seq <= 50; seq++ {
				body := a.Body(client, seq)
				if !bytes.Equal(body, b.Body(client, seq)) {
					t.Fatalf("%s: client %d, sequence %d: two bodies of one seed differ", sizes, client, seq)
				}
				if err := b.Verify(client, seq, body); err != nil {
					t.Fatalf("%s: Verify of its own body: %v", sizes, err)
				}
				if a.Len(client, seq) != len(body) {
					t.Fatalf("%s: Len = %d, want %d", sizes, a.Len(client, seq), len(body))
				}
				if a.Record(len(body)) != logOverhead.Bytes(len(body)) {
					t.Fatalf("%s: Record(%d) = %d, want %d", sizes, len(body), a.Record(len(body)), logOverhead.Bytes(len(body)))
				}
				if len(body) > a.MaxBody() || cap(body) != len(body) {
					t.Fatalf("%s: body of %d bytes, capacity %d, at most %d are allowed", sizes, len(body), cap(body), a.MaxBody())
				}
				if bytes.Equal(body, other.Body(client, seq)) {
					same++
				}
			}
		}
		if sizes != "1" && same > 20 {
			t.Errorf("%s: %d of 1000 bodies are the same under another seed", sizes, same)
		}
	}
}

// A body that belongs to another client or sequence must not pass.
func TestVerifyTellsCommitsApart(t *testing.T) {
	b := mustBodies(t, 1, "256")
	passed := 0
	for seq := uint64(1); seq <= 10_000; seq++ {
		for _, other := range [][]byte{b.Body(3, seq+1), b.Body(4, seq), b.Body(4, seq-1), b.Body(uint32(seq), 3)} {
			if b.Verify(3, seq, other) == nil {
				passed++
			}
		}
	}
	if passed > 8 { // 40,000 tries at 1 in 65,536, and one true match (3, 3)
		t.Errorf("%d of 40000 bodies of other commits passed", passed)
	}
}

func TestVerifySaysWhatDiffers(t *testing.T) {
	b := mustBodies(t, 1, "256")
	good := b.Body(9, 5)
	flipped := bytes.Clone(good)
	flipped[17] ^= 4
	for _, c := range []struct {
		body []byte
		want string
	}{
		{flipped, "client 9, sequence 5: wrong body: byte 17 of 216"},
		{good[:100], "client 9, sequence 5: wrong body: 100 bytes long, want 216"},
		{nil, "0 bytes long, want 216"},
	} {
		err := b.Verify(9, 5, c.body)
		if !errors.Is(err, ErrBody) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Verify = %v, want ErrBody with %q", err, c.want)
		}
	}
}

func TestSizesAreDistributed(t *testing.T) {
	for _, sizes := range []string{"uniform:104-1000", "lognormal:400,0.7"} {
		b := mustBodies(t, 3, sizes)
		const n = 200_000
		sum, low, high := 0.0, math.MaxInt, 0
		for seq := uint64(1); seq <= n; seq++ {
			size := b.Record(len(b.Body(uint32(seq%7), seq)))
			sum += float64(size)
			low, high = min(low, size), max(high, size)
		}
		want := b.sizes.Mean() + 4 // rounded up to 8 bytes: half of that on average
		if mean := sum / n; math.Abs(mean-want) > want/50 {
			t.Errorf("%s: mean record of %v bytes, want about %v", sizes, mean, want)
		}
		if sizes[0] == 'u' && (low != 104 || high != 1000) {
			t.Errorf("%s: records of %d to %d bytes, want 104 to 1000", sizes, low, high)
		}
	}
}

// The offset must not follow the size: long and short bodies start anywhere.
func TestOffsetsAreSpread(t *testing.T) {
	b := mustBodies(t, 3, "uniform:41-2048")
	var seen [64]int
	for seq := uint64(1); seq <= 64_000; seq++ {
		seen[b.hash(1, seq)%patternSize/(patternSize/64)]++
	}
	for i, n := range seen {
		if n < 800 || n > 1200 {
			t.Errorf("%d of 64000 bodies start in part %d of 64 of the pattern, want about 1000", n, i)
		}
	}
}

func TestBodyDoesNotAllocate(t *testing.T) {
	for _, sizes := range []string{"256", "uniform:41-4000", "lognormal:300,1.2"} {
		b := mustBodies(t, 3, sizes)
		seq := uint64(0)
		if n := testing.AllocsPerRun(1000, func() { seq++; _ = b.Body(1, seq) }); n != 0 {
			t.Errorf("%s: Body allocates %v times", sizes, n)
		}
	}
}

func BenchmarkBody(b *testing.B) {
	bodies, err := NewBodies(1, FixedSize(256), logOverhead)
	if err != nil {
		b.Fatal(err)
	}
	sum, seq := 0, uint64(0)
	for b.Loop() {
		seq++
		sum += len(bodies.Body(3, seq))
	}
	_ = sum
}
