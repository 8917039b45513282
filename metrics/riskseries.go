package metrics

// seriesBuckets bounds a risk series: at most two points a bucket.
const seriesBuckets = 1000

// RiskPoint is one point of the sawtooth.
type RiskPoint struct {
	At      int64           // ns since the begin of the window
	Commits [NumKinds]int64 // at risk
}

// riskSeries thins samples: the window is cut into buckets, and each keeps its
// peak and its trough (per kind), so that the teeth stay as high and as deep
// as they were.
type riskSeries struct {
	window Window
	width  int64
	bucket []riskBucket
}

type riskBucket struct {
	samples       int
	peak, low     RiskPoint
	peakNo, lowNo int // which sample of the bucket they come from, for the order
}

func newRiskSeries(w Window) riskSeries {
	s := riskSeries{window: w}
	if w.Length() > 0 {
		s.width = (w.Length() + seriesBuckets - 1) / seriesBuckets
		s.bucket = make([]riskBucket, (w.Length()+s.width-1)/s.width)
	}
	return s
}

// add takes a sample. REQUIRES: the window contains now.
func (s *riskSeries) add(now int64, risk [NumKinds]riskNow) {
	p := RiskPoint{At: now - s.window.From}
	for k := range risk {
		p.Commits[k] = risk[k].commits
	}
	b := &s.bucket[p.At/s.width]
	b.samples++
	if b.samples == 1 {
		b.peak, b.low = p, p
		return
	}
	for k, n := range p.Commits {
		if n > b.peak.Commits[k] {
			b.peak.Commits[k], b.peak.At, b.peakNo = n, p.At, b.samples
		}
		if n < b.low.Commits[k] {
			b.low.Commits[k], b.low.At, b.lowNo = n, p.At, b.samples
		}
	}
}

// points returns the thinned samples in order of time.
func (s *riskSeries) points() []RiskPoint {
	var out []RiskPoint
	for _, b := range s.bucket {
		switch {
		case b.samples == 0:
		case b.peak == b.low:
			out = append(out, b.peak)
		case b.peakNo <= b.lowNo:
			out = append(out, b.peak, b.low)
		default:
			out = append(out, b.low, b.peak)
		}
	}
	return out
}
