package ledger

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"flushbench/engine/clock"
)

// Limits and defaults.
const (
	MaxClients = 1 << 16
	// MaxHistory bounds Config.History, MaxSamples Config.Samples.
	MaxHistory = 1 << 20
	MaxSamples = 1 << 20
	// MaxBytes bounds the whole ledger.
	MaxBytes = 1 << 30

	DefaultHistory = 4096
	// DefaultSamples are three intervals of a second and one more, at one
	// sample a millisecond.
	DefaultSamples = 4096
)

// Config is the size of a ledger.
type Config struct {
	Clients int // 1 to MaxClients
	// History is how many acknowledgements a lane remembers with their times:
	// at least as many as a client gets in three flush intervals and a little
	// more. Rounded up to a power of two; 0: DefaultHistory.
	History int
	// Samples is how many samples are remembered: at least three flush
	// intervals of them. Rounded up to a power of two; 0: DefaultSamples.
	Samples int
}

// Validate fills in the defaults and says what is out of range.
func (c *Config) Validate() error {
	if c.History == 0 {
		c.History = DefaultHistory
	}
	if c.Samples == 0 {
		c.Samples = DefaultSamples
	}
	switch {
	case c.Clients < 1 || c.Clients > MaxClients:
		return fmt.Errorf("ledger: %d clients: must be 1 to %d", c.Clients, MaxClients)
	case c.History < 2 || c.History > MaxHistory:
		return fmt.Errorf("ledger: a history of %d acknowledgements: must be 2 to %d", c.History, MaxHistory)
	case c.Samples < 2 || c.Samples > MaxSamples:
		return fmt.Errorf("ledger: %d samples: must be 2 to %d", c.Samples, MaxSamples)
	}
	c.History, c.Samples = powerOfTwo(c.History), powerOfTwo(c.Samples)
	if n := c.Bytes(); n > MaxBytes {
		return fmt.Errorf("ledger: %d clients with a history of %d and %d samples take %d bytes: must be at most %d", c.Clients, c.History, c.Samples, n, MaxBytes)
	}
	return nil
}

func powerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }

// Bytes is how much memory the ledger takes. REQUIRES: c is valid.
func (c Config) Bytes() int64 { return 8 * int64(c.words()) }

// The memory is an array of 64-bit words: the head, the lanes, the samples.
// Numbers are as the machine stores them; the ledger never leaves it but as a
// file of evidence.
const (
	magic   = 0x31676c6873756c66 // "flushlg1"
	version = 4

	// lineWords keeps two writers apart: two cache lines, because lines are
	// fetched in pairs.
	lineWords = 16

	// headEvery is how often the head of a lane is told of what was asked for, a power
	// of two: a line of the cache for the lane's client to take along, and so many
	// slots to look at for who wants to know the last.
	headEvery = 64

	// The head.
	headMagic   = 0
	headVersion = 1
	headClients = 2
	headHistory = 3
	headSamples = 4
	headReady   = lineWords     // when the load began; 0: not yet
	headStruck  = headReady + 1 // when a flush was made to fail; 0: none was
	headStopped = headReady + 2 // when somebody was stopped at a crash point; 0: nobody was
	headNow     = headReady + 3 // the ledger's time
	headFailed  = 2 * lineWords // failNone, failBegun, failNoted
	headFailAt  = headFailed + 1
	headFailLen = headFailed + 2
	headFailure = headFailed + 3 // the text, 8 bytes a word
	failWords   = 96
	headCount   = headFailure + failWords + (-(headFailure + failWords) & (lineWords - 1)) // samples so far
	headWords   = headCount + lineWords

	// A lane: the words of its head, its slots of a word each, its dates of two.
	laneBase  = 0 // the client's last sequence before the ledger
	laneBegun = 1 // less than headEvery before the last sequence that was asked for
	laneOpen  = 2 // 1: base is there
	laneDates = 3 // how many so far
	laneHead  = lineWords
	dateWords = 2 // first sequence, time

	sampleWords = 32 // a multiple of lineWords
)

// dates is how many dates a lane remembers: no more than acknowledgements, nor than
// samples, because there is a new date where there is a sample.
func (c Config) dates() int { return min(c.History, c.Samples) }

func (c Config) laneWords() int {
	return laneHead + (c.History+dateWords*c.dates()+lineWords-1)&^(lineWords-1)
}

func (c Config) words() int {
	return headWords + c.Clients*c.laneWords() + c.Samples*sampleWords
}

// words is the memory. Typed atomics: each word is written by one goroutine and
// read by any, in this process or another.
type words []atomic.Uint64

// lane returns the words of a client.
func (c Config) lane(w words, client int) words {
	n := c.laneWords()
	return w[headWords+client*n:][:n:n]
}

// ring returns the words of the samples.
func (c Config) ring(w words) words { return w[headWords+c.Clients*c.laneWords():] }

// stamp writes the head. The magic goes last: it makes the rest visible to who
// attaches.
func (c Config) stamp(w words) {
	w[headVersion].Store(version)
	w[headClients].Store(uint64(c.Clients))
	w[headHistory].Store(uint64(c.History))
	w[headSamples].Store(uint64(c.Samples))
	w[headNow].Store(uint64(clock.Now() + clock.Origin()))
	w[headMagic].Store(magic)
}

// configOf reads the head of a ledger that somebody else has made.
func configOf(w words) (Config, error) {
	if len(w) < headWords || w[headMagic].Load() != magic {
		return Config{}, fmt.Errorf("ledger: this is no ledger: %d bytes without its magic number", 8*len(w))
	}
	if v := w[headVersion].Load(); v != version {
		return Config{}, fmt.Errorf("ledger: version %d: must be %d", v, version)
	}
	head := [...]uint64{w[headClients].Load(), w[headHistory].Load(), w[headSamples].Load()}
	for _, n := range head {
		if n > MaxBytes {
			return Config{}, fmt.Errorf("ledger: its head is damaged: clients, history and samples are %v", head)
		}
	}
	c := Config{Clients: int(head[0]), History: int(head[1]), Samples: int(head[2])}
	if err := c.Validate(); err != nil {
		return Config{}, err
	}
	if c.History != int(head[1]) || c.Samples != int(head[2]) || len(w) < c.words() {
		return Config{}, fmt.Errorf("ledger: its head is damaged: %+v in %d bytes", c, 8*len(w))
	}
	return c, nil
}
