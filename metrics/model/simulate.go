package model

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Outcome is what Simulate saw.
type Outcome struct {
	TPS       float64
	LatencyNS []float64 // of each commit, ascending
	Groups    int
	Flushes   float64
	// AckedNS is when each commit was acknowledged and BinlogNS when the binlog's
	// flushes ended, both ascending: what the binlog would lack follows from them.
	AckedNS, BinlogNS []float64
}

// Latency returns the latencies as a distribution.
func (o *Outcome) Latency() Dist { return FromSamples(o.LatencyNS) }

// Simulate plays a load for so many commits, one group after the other: the judge
// of the formulas, which share nothing with it but System. It is slow, and takes
// arrivals, flush times and groups one by one. The same seed gives the same outcome.
// Loads that the system cannot carry end with latencies that grow with commits; a
// setting without flushes gives nothing.
func Simulate(s *System, set Setting, load Load, commits int, seed uint64) *Outcome {
	sim := &simulation{s: s, set: set, load: load, rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))}
	base, err := s.service(set)
	if err != nil {
		return &Outcome{}
	}
	sim.gather = gathers(set, load, base.Mean())
	sim.begin()
	warm := commits / 10
	var out Outcome
	var began float64
	for done := 0; done < commits+warm; {
		group := sim.nextGroup()
		end := sim.now + sim.serve(len(group), &out, done >= warm)
		if done < warm {
			began = end
		}
		for _, a := range group {
			if done >= warm {
				out.LatencyNS = append(out.LatencyNS, end-a.intended)
				out.AckedNS = append(out.AckedNS, end)
			}
			done++
			sim.again(a, end)
		}
		sim.now = end
	}
	out.TPS = float64(len(out.LatencyNS)) / (sim.now - began) * 1e9
	slices.Sort(out.LatencyNS)
	return &out
}

// arrival is a commit on its way: it is there at ready and was meant for intended.
type arrival struct{ ready, intended float64 }

// arrivals is a binary heap, the next one to be ready first.
type arrivals []arrival

func (a *arrivals) push(x arrival) {
	*a = append(*a, x)
	h := *a
	i := len(h) - 1
	for ; i > 0 && h[(i-1)/2].ready > x.ready; i = (i - 1) / 2 {
		h[i] = h[(i-1)/2]
	}
	h[i] = x
}

func (a *arrivals) pop() arrival {
	h := *a
	first, x, n := h[0], h[len(h)-1], len(h)-1
	i := 0
	for {
		child := 2*i + 1
		if child+1 < n && h[child+1].ready < h[child].ready {
			child++
		}
		if child >= n || h[child].ready >= x.ready {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = x
	*a = h[:n]
	return first
}

type simulation struct {
	s       *System
	set     Setting
	load    Load
	rng     *rand.Rand
	coming  arrivals
	now     float64 // the server is free from here on
	groups  int
	between float64 // of an open load: mean gap in nanoseconds
	gather  bool    // groups are held open for those who are on their way back
}

func (m *simulation) begin() {
	switch {
	case m.load.Rate > 0 && m.load.Clients == 0:
		m.between = 1e9 / m.load.Rate
		m.coming = arrivals{{}}
	case m.load.Rate > 0:
		for i := range m.load.Clients {
			t := float64(i) * 1e9 / m.load.Rate
			m.coming.push(arrival{t, t})
		}
	default:
		for range m.load.Clients {
			t := m.rng.Float64() * (m.load.ThinkNS + 1)
			if m.gather {
				t = 0 // they are in step, and stay so
			}
			m.coming.push(arrival{t, t})
		}
	}
}

// nextGroup returns everybody who came while the last group was in flight, or else
// the next one to come, alone; with gathering everybody who is back by then.
func (m *simulation) nextGroup() []arrival {
	first := m.take()
	group := []arrival{first}
	if first.ready >= m.now && !m.gather {
		m.now = first.ready
		return group
	}
	m.now = math.Max(m.now, first.ready)
	for len(m.coming) > 0 && (m.coming[0].ready < m.now || m.gather && m.coming[0].ready <= m.now) {
		group = append(group, m.take())
	}
	return group
}

// take removes the next arrival; of an open load another one follows it.
func (m *simulation) take() arrival {
	a := m.coming.pop()
	if m.between > 0 {
		t := a.ready + m.rng.ExpFloat64()*m.between
		m.coming.push(arrival{t, t})
	}
	return a
}

// serve returns how long a group takes, and counts it.
func (m *simulation) serve(commits int, out *Outcome, count bool) float64 {
	ns := m.s.Costs.GroupNS + m.s.Costs.CommitNS*float64(commits)
	flushes := 0.0
	for range int(m.set.Redo) {
		ns += m.s.Redo.Quantile(m.rng.Float64())
		flushes++
	}
	m.groups++
	if b := m.set.Binlog; b > 0 && m.groups%int(math.Round(1/b)) == 0 {
		d := m.s.Binlog
		if d.Empty() {
			d = m.s.Redo
		}
		ns += d.Quantile(m.rng.Float64())
		flushes++
		out.BinlogNS = append(out.BinlogNS, m.now+ns)
	}
	if count {
		out.Groups++
		out.Flushes += flushes
	}
	return ns
}

// again lets a client come back after its commit ended at end.
func (m *simulation) again(a arrival, end float64) {
	switch {
	case m.between > 0:
	case m.load.Rate > 0:
		next := a.intended + float64(m.load.Clients)*1e9/m.load.Rate
		m.coming.push(arrival{math.Max(next, end), next})
	default:
		m.coming.push(arrival{end + m.load.ThinkNS, end + m.load.ThinkNS})
	}
}
