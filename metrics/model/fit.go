package model

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// MinObservations is the fewest observations that Fit accepts, and Check with one
// left out.
const MinObservations = 2

// Observation is a measured cell.
type Observation struct {
	Name    string
	Setting Setting
	Load    Load
	TPS     float64
	MeanNS  float64 // latency
	P99NS   float64 // 0: not shown
}

// figure returns what an observation is judged by: the throughput of a closed loop,
// the mean latency of a rate.
func (o *Observation) figure(p *Prediction) (predicted, measured float64) {
	if o.Load.Rate > 0 {
		return p.MeanNS, o.MeanNS
	}
	return p.TPS, o.TPS
}

// overloadMiss is the factor by which a cell counts as missed whose load is beyond
// what the model believes possible.
const overloadMiss = 20

// miss returns the factor by which the system misses an observation, 1 or more.
func (s *System) miss(o *Observation) (float64, *Prediction) {
	p, err := s.Predict(o.Setting, o.Load)
	if err != nil {
		return overloadMiss, nil
	}
	predicted, measured := o.figure(p)
	if predicted <= 0 || measured <= 0 {
		return overloadMiss, p
	}
	return math.Exp(math.Abs(math.Log(predicted / measured))), p
}

// Fit returns the system with the costs that come closest to the observations: the
// least sum of the logarithms of the misses, which one cell that is far off does not
// rule. Its flush times stay as probed.
func Fit(s System, seen []Observation) (System, error) {
	if len(seen) < MinObservations {
		return s, fmt.Errorf("model: %d observations: at least %d are needed", len(seen), MinObservations)
	}
	if s.Redo.Empty() || s.Redo.Mean() <= 0 {
		return s, errors.New("model: no flush times")
	}
	for i := range seen {
		s.know(seen[i].Setting)
	}
	total := func(c Costs) float64 {
		t := s
		t.Costs = c
		var sum float64
		for i := range seen {
			m, _ := t.miss(&seen[i])
			sum += math.Log(m)
		}
		return sum
	}
	return searchCosts(s, total), nil
}

// searchCosts walks downhill from several begins, each cost by factors that
// shrink: the sum has kinks and more than one valley.
func searchCosts(s System, total func(Costs) float64) System {
	mean := s.Redo.Mean()
	best, least := Costs{}, math.Inf(1)
	for _, begin := range []Costs{{mean * 0.02, mean * 1e-3}, {mean * 0.3, mean * 0.03}} {
		c, sum := begin, total(begin)
		for step := 4.0; step > 1.03; {
			better := false
			for _, t := range []Costs{{c.GroupNS * step, c.CommitNS}, {c.GroupNS / step, c.CommitNS}, {c.GroupNS, c.CommitNS * step}, {c.GroupNS, c.CommitNS / step}} {
				if v := total(t); v < sum-1e-9 {
					c, sum, better = t, v, true
				}
			}
			if !better {
				step = math.Sqrt(step)
			}
		}
		if sum < least {
			best, least = c, sum
		}
	}
	s.Costs = best
	return s
}

// CellError is how far the model was off for a cell that it was not fitted on.
type CellError struct {
	Name       string  `json:"name"`
	Predicted  float64 `json:"predicted"` // commits a second of a closed loop, else mean latency in nanoseconds
	Measured   float64 `json:"measured"`  // likewise
	Error      float64 `json:"error"`     // |predicted / measured - 1|
	P99Error   float64 `json:"p99_error"` // likewise of the 99th percentile; negative: not shown
	Overloaded bool    `json:"overloaded"`
}

// Quality is how good the model is on cells that it was not fitted on.
type Quality struct {
	Cells     []CellError `json:"cells"`
	Median    float64     `json:"median_error"`
	MedianP99 float64     `json:"median_p99_error"` // negative: no cell shows one
}

// maxFolds is the most times that Check fits.
const maxFolds = 4

// Check leaves out each observation in turn, or, of more than maxFolds, every
// fourth, fits the others and compares. A cell whose load the fitted model calls
// impossible counts with an error of 1.
func Check(s System, seen []Observation) (*Quality, error) {
	if len(seen) < MinObservations+1 {
		return nil, fmt.Errorf("model: %d observations: at least %d are needed to fit and to check", len(seen), MinObservations+1)
	}
	q := &Quality{Cells: make([]CellError, len(seen)), MedianP99: -1}
	for i := range seen {
		s.know(seen[i].Setting) // once for all folds
	}
	folds := min(maxFolds, len(seen))
	for fold := range folds {
		var others []Observation
		for i := range seen {
			if i%folds != fold {
				others = append(others, seen[i])
			}
		}
		fitted, err := Fit(s, others)
		if err != nil {
			return nil, err
		}
		for i := fold; i < len(seen); i += folds {
			q.Cells[i] = fitted.errorOf(&seen[i])
		}
	}
	var all, tails []float64
	for i := range q.Cells {
		all = append(all, q.Cells[i].Error)
		if q.Cells[i].P99Error >= 0 {
			tails = append(tails, q.Cells[i].P99Error)
		}
	}
	q.Median = median(all)
	if len(tails) > 0 {
		q.MedianP99 = median(tails)
	}
	return q, nil
}

// errorOf compares an observation with what the system says.
func (s *System) errorOf(o *Observation) CellError {
	c := CellError{Name: o.Name, Error: 1, P99Error: -1, Overloaded: true}
	_, p := s.miss(o)
	if p == nil {
		return c
	}
	c.Overloaded = false
	c.Predicted, c.Measured = o.figure(p)
	c.Error = math.Abs(c.Predicted/c.Measured - 1)
	if o.P99NS > 0 {
		c.P99Error = math.Abs(p.P99()/o.P99NS - 1)
	}
	return c
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}
