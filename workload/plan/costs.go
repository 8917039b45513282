package plan

import (
	"math"
	"time"
)

const (
	secondsPerYear  = 365.25 * 86400
	secondsPerMonth = secondsPerYear / 12
)

// usableLog is the share of the log's capacity that may be in use before InnoDB
// flushes pages at full speed: 7/8 of it, of which it keeps a few pages free.
const usableLog = 0.85

// costs fills what a pair costs at the asked rate.
func (d *decision) costs(m *Measured, r *Row) {
	tps := float64(d.o.TPS)
	if p := d.nearest(m, func(*Point) bool { return true }); p != nil {
		grown := d.recordFactor(p)
		r.DeviceBytes, r.LogBytes = p.DeviceBytes*grown, p.LogBytes*grown
		r.FlushesPS = p.FlushesPS
		if off := p.TPS.Median / tps; off > 1+nearShare || off < 1-nearShare {
			r.FlushesPS = d.flushesAt(m, p)
		}
		if d.disk.FlushPerS > 0 {
			r.FlushShare = r.FlushesPS / d.disk.FlushPerS
		}
	}
	r.LifeYears = d.life(r.DeviceBytes * tps)
	if age := time.Duration(d.o.CheckpointAge); age > 0 {
		r.LogCapacity = r.LogBytes * tps * age.Seconds() / usableLog
	}
	r.LogEnough, r.LogNote = d.logEnough(r.Pair)
	r.Until = d.until(r.Capacity.Lo)
	if len(d.o.Crashes) > 0 {
		r.LostPerYear = d.lostPerYear(r)
	}
}

// recordFactor is how much larger the asked records are than those of a point.
func (d *decision) recordFactor(p *Point) float64 {
	if d.o.RecordBytes == 0 || p.Params.RecordBytes <= 0 {
		return 1
	}
	return float64(d.o.RecordBytes) / float64(p.Params.RecordBytes)
}

// flushesAt is the flushes a second at the asked rate, seen from a point of another
// rate: modelled, else at most what the point needed for each commit.
func (d *decision) flushesAt(m *Measured, p *Point) float64 {
	if d.trusted(m) {
		if pred, err := d.system.Predict(m.Pair.flushes(), loadAt(float64(d.o.TPS))); err == nil {
			return pred.FlushesPS
		}
	}
	return math.Min(p.FlushesPS/p.TPS.Median*float64(d.o.TPS), math.Max(p.FlushesPS, d.disk.FlushPerS))
}

// life is how many years the drive lasts at so many bytes a second; 0: not known.
func (d *decision) life(bytesPS float64) float64 {
	endurance := float64(d.o.TBW) * 1e12
	if d.o.DWPD > 0 {
		endurance = float64(d.o.DWPD) * float64(d.disk.SizeBytes) * 365.25 * WarrantyYears
	}
	if endurance <= 0 || bytesPS <= 0 {
		return 0
	}
	return endurance / (bytesPS * secondsPerYear)
}

// farthest is the last date that growth is followed to.
const farthest = 50 // years

// until is when growth reaches a capacity, or nil.
func (d *decision) until(capacity float64) *time.Time {
	if d.o.Growth <= 0 || capacity <= 0 {
		return nil
	}
	years := math.Max(math.Log(capacity/float64(d.o.TPS))/math.Log1p(float64(d.o.Growth)), 0)
	if years > farthest {
		return nil
	}
	t := d.today.Add(time.Duration(years * secondsPerYear * float64(time.Second)))
	return &t
}

// lostPerYear is the commits that the expected crashes take: a crash finds a window
// that grows from nothing to its worst half full in the mean. Negative: not known.
func (d *decision) lostPerYear(r *Row) float64 {
	var sum float64
	for k, perYear := range d.o.Crashes {
		l := r.Loss[k]
		if !l.Nothing && l.AgeNS == 0 && !l.Measured {
			return -1
		}
		if !l.Nothing {
			sum += perYear * l.Commits / 2
		}
	}
	return sum
}

// machines fills how many machines a pair needs and what its commits cost.
func (d *decision) machines(p *Plan) {
	for i := range p.Rows {
		r := &p.Rows[i]
		capacity := r.Capacity.Lo
		if r.Capacity.Hi == 0 && r.Capacity.Model > capacity {
			capacity = r.Capacity.Model
		}
		if capacity < 1 {
			continue
		}
		r.Machines = math.Ceil(p.NeedTPS / capacity)
		r.PerMillion = r.Machines * float64(d.o.MonthlyCost) / (p.TPS * secondsPerMonth / 1e6)
	}
}
