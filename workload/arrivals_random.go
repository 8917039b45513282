package workload

import (
	"math"
	"math/rand/v2"
	"time"
)

// Poisson is arrivals of users who know nothing of each other: the times
// between two are exponential.
type Poisson struct {
	rate float64
	seed uint64
}

// NewPoisson returns the schedule of rate transactions a second on average
// that the seed gives.
func NewPoisson(rate float64, seed uint64) (Poisson, error) {
	return Poisson{rate: rate, seed: seed}, checkRate(rate)
}

// Rate implements Arrivals.
func (p Poisson) Rate() float64 { return p.rate }

// Stream implements Arrivals.
func (p Poisson) Stream() Stream {
	return &poissonStream{draw: newExponential(p.seed), mean: 1e9 / p.rate}
}

type poissonStream struct {
	draw exponential
	mean float64 // ns between two
	at   float64
}

// Next implements Stream.
func (s *poissonStream) Next() time.Duration {
	s.at += s.draw.next(s.mean)
	return moment(s.at)
}

// Bursty is an interrupted Poisson process (Kuczura, "The interrupted Poisson
// process as an overflow process", BSTJ 52, 1973): arrivals come at random at
// Peak times the mean rate while it is on, and not at all while it is off. Both
// last for exponential times, and Burst is the mean number of arrivals while it
// is on. So at whatever rate it has the same shape: on for Burst/(Peak x rate)
// seconds on average, which is 1/Peak of the time.
//
// Counts over long intervals have the variance 1 + 2 Burst (1 - 1/Peak)^2 times
// their mean (IDC; Fischer and Meier-Hellstern, "The Markov-modulated Poisson
// process cookbook", Performance Evaluation 18, 1993), where those of Poisson
// have 1.
type Bursty struct {
	rate, burst, peak float64
	seed              uint64
}

// NewBursty returns the schedule of rate transactions a second on average, with
// MinBurst to MaxBurst in a burst and a peak of MinPeak to MaxPeak times the
// rate, that the seed gives.
func NewBursty(rate, burst, peak float64, seed uint64) (Bursty, error) {
	a := Arrival{Shape: ArriveBursty, Burst: burst, Peak: peak}
	err := checkRate(rate)
	if err == nil {
		err = a.Validate()
	}
	return Bursty{rate: rate, burst: a.Burst, peak: a.Peak, seed: seed}, err
}

// Rate implements Arrivals.
func (b Bursty) Rate() float64 { return b.rate }

// Stream implements Arrivals.
func (b Bursty) Stream() Stream {
	s := &burstyStream{
		draw: newExponential(b.seed), gap: 1e9 / (b.peak * b.rate),
		on: 1e9 * b.burst / (b.peak * b.rate), off: 1e9 * b.burst * (1 - 1/b.peak) / b.rate,
	}
	// It begins as it is at any moment: on with the chance 1/peak.
	if !(s.draw.uniform() < 1/b.peak) {
		s.at = s.draw.next(s.off)
	}
	s.until = s.at + s.draw.next(s.on)
	return s
}

type burstyStream struct {
	draw         exponential
	gap, on, off float64 // means, in ns
	at           float64 // of the last arrival, or where a burst began
	until        float64 // end of the burst
}

// Next implements Stream. The exponential has no memory, so what would have
// come after the end of a burst is drawn anew at the begin of the next.
func (s *burstyStream) Next() time.Duration {
	for {
		if at := s.at + s.draw.next(s.gap); at < s.until || at >= math.MaxInt64 {
			s.at = at
			return moment(at)
		}
		s.at = s.until + s.draw.next(s.off)
		s.until = s.at + s.draw.next(s.on)
	}
}

// exponential draws exponential times from a generator of its own.
type exponential struct{ source *rand.PCG }

// streamKey keeps schedules apart from whatever else is drawn from a seed.
const streamKey = 0x6172726976616c73 // "arrivals"

func newExponential(seed uint64) exponential { return exponential{rand.NewPCG(seed, streamKey)} }

// uniform is at least 0 and below 1.
func (e exponential) uniform() float64 { return float64(e.source.Uint64()>>11) * 0x1p-53 }

// next is at least 0 and mean on average.
func (e exponential) next(mean float64) float64 { return -math.Log1p(-e.uniform()) * mean }
