package model

import "math"

// Standing says how a load lies to what was measured.
type Standing int

// The standings.
const (
	Inside       Standing = iota // between loads that were measured
	Extrapolated                 // beyond them, by at most MaxReach
	Refused                      // further: the model does not say
)

// String names the standing.
func (s Standing) String() string {
	return [...]string{"within what was measured", "extrapolated", "refused"}[s]
}

// MaxReach is how many times beyond the measured loads, or the measured flush time
// and record size, the model is still asked.
const MaxReach = 4

// Reach is the range of loads that a model was fitted on.
type Reach struct {
	MinRate    float64 `json:"min_rate"` // commits a second, carried
	MaxRate    float64 `json:"max_rate"`
	MaxClients int     `json:"max_clients"`
}

// ReachOf returns the range of the observations.
func ReachOf(seen []Observation) Reach {
	r := Reach{MinRate: math.Inf(1)}
	for i := range seen {
		r.MinRate, r.MaxRate = math.Min(r.MinRate, seen[i].TPS), math.Max(r.MaxRate, seen[i].TPS)
		r.MaxClients = max(r.MaxClients, seen[i].Load.Clients)
	}
	if len(seen) == 0 {
		r.MinRate = 0
	}
	return r
}

// Judge tells how a load and a flush time or record size that are factor times
// the measured ones lie to the range. Lower rates than any measured are no risk: the
// queue only becomes emptier.
func (r Reach) Judge(load Load, factor float64) Standing {
	beyond := math.Max(factor, 1)
	if factor > 0 && factor < 1 {
		beyond = 1 / factor
	}
	far := func(asked, most float64) float64 {
		switch {
		case asked <= most:
			return 1
		case most <= 0:
			return math.Inf(1)
		}
		return asked / most
	}
	beyond = math.Max(beyond, far(load.Rate, r.MaxRate))
	if load.Clients > 0 {
		beyond = math.Max(beyond, far(float64(load.Clients), float64(r.MaxClients)))
	}
	switch {
	case beyond <= 1:
		return Inside
	case beyond <= MaxReach:
		return Extrapolated
	}
	return Refused
}
