package model

import "math"

// rest is how long a group that is in flight still takes, as somebody sees it who
// has just come: its moments, which a fit needs often, and its points, which only a
// percentile needs.
type rest struct {
	mean, second float64 // of the time, and of its square
	points       func() []point
}

// parts is into how many pieces a service is cut where somebody may come at any
// time within it.
const parts = 8

// eachPart calls do with the middle of each piece, as a share of the whole.
func eachPart(do func(u float64)) {
	for k := range parts {
		do((float64(k) + 0.5) / parts)
	}
}

// powers returns the means of the time, of its square and of its cube.
func (d Dist) powers() (m1, m2, m3 float64) {
	for i, v := range d.at {
		w := d.weight[i]
		m1, m2, m3 = m1+w*v, m2+w*v*v, m3+w*v*v*v
	}
	return m1, m2, m3
}

// residual is the rest of a service seen from a random moment, plus extra times its
// whole length: long services are hit by their length.
func (d Dist) residual(extra float64) rest {
	m1, m2, m3 := d.powers()
	if m1 <= 0 {
		return rest{points: func() []point { return []point{{0, 1}} }}
	}
	return rest{m2 / m1 * (0.5 + extra), m3 / m1 * (1.0/3 + extra + extra*extra), func() []point {
		p := make([]point, 0, len(d.at)*parts)
		for i, v := range d.at {
			eachPart(func(u float64) { p = append(p, point{v * (u + extra), d.weight[i] * v}) })
		}
		return p
	}}
}

// after is the rest for a client that comes back z after the service began: that of
// this one where it is longer, else of a later one. Clients that are away for about
// so long come evenly over a short service; in a stall all of them come early and
// then nobody does, since they all wait.
func (d Dist) after(z, away float64) rest {
	if z <= 0 {
		return rest{d.Mean(), d.second(), func() []point {
			p := make([]point, len(d.at))
			for i, v := range d.at {
				p[i] = point{v, d.weight[i]}
			}
			return p
		}}
	}
	p := make([]point, 0, len(d.at)*(parts+1))
	var shorter, comes float64
	for i, v := range d.at {
		if v > z {
			p = append(p, point{v - z, d.weight[i]})
		} else {
			shorter += d.weight[i]
		}
		comes += d.weight[i] * (1 - math.Exp(-v/away))
	}
	if shorter > 0 && comes > 0 {
		for i, v := range d.at {
			share := 1 - math.Exp(-v/away)
			eachPart(func(u float64) {
				p = append(p, point{v + away*math.Log(1-u*share), d.weight[i] * share / comes / parts * shorter})
			})
		}
	}
	out := rest{points: func() []point { return p }}
	var total float64
	for _, x := range p {
		out.mean, out.second, total = out.mean+x.at*x.weight, out.second+x.at*x.at*x.weight, total+x.weight
	}
	if total > 0 {
		out.mean, out.second = out.mean/total, out.second/total
	}
	return out
}

// regular is what commits that come every gap see of services: the rest of the one
// in flight, plus extra times its length; the share of them that find one; and the
// commits a service.
//
// A service that begins with an arrival has the next ones at gap, 2 gap and so on
// after its begin; one that begins at the end of another, at any phase. Which of
// the two is next depends on whether anybody came: a chain of two states.
func (d Dist) regular(gap, extra float64) (r rest, found, group float64) {
	var nobodyFirst, nobodyLater float64 // no arrival during a service of either kind
	for i, v := range d.at {
		if v < gap {
			nobodyFirst += d.weight[i]
			nobodyLater += d.weight[i] * (1 - v/gap)
		}
	}
	first := 1.0 // share of the services that begin with an arrival
	if nobodyFirst < 1 {
		first = nobodyLater / (1 - nobodyFirst + nobodyLater)
	}
	var waiting float64
	for i, v := range d.at {
		later, n := d.weight[i]*(1-first)*v/gap, math.Floor(v/gap)
		waiting += later + d.weight[i]*first*n
		r.mean += later * v * (0.5 + extra)
		r.second += later * v * v * (1.0/3 + extra + extra*extra)
		full := v * (1 + extra)
		r.mean += d.weight[i] * first * n * (full - gap*(n+1)/2)
		r.second += d.weight[i] * first * n * (full*full - full*gap*(n+1) + gap*gap*(n+1)*(2*n+1)/6)
	}
	if waiting <= 0 {
		return rest{points: func() []point { return nil }}, 0, 1
	}
	r.mean, r.second = r.mean/waiting, r.second/waiting
	r.points = func() []point { return d.regularPoints(gap, extra, first) }
	return r, waiting / (waiting + first), waiting + first
}

// regularPoints are the points of regular's rest.
func (d Dist) regularPoints(gap, extra, first float64) []point {
	p := make([]point, 0, 2*len(d.at)*parts)
	for i, v := range d.at {
		n := int(v / gap)
		eachPart(func(u float64) {
			p = append(p, point{v * (u + extra), d.weight[i] * (1 - first) * v / gap / parts})
			if n > 0 { // n arrivals, evenly over the service, cut into as many parts
				at := gap * float64(1+int(u*float64(n)))
				p = append(p, point{v - at + v*extra, d.weight[i] * first * float64(n) / parts})
			}
		})
	}
	return p
}
