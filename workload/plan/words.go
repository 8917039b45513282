package plan

import (
	"fmt"
	"math"
	"strings"
	"time"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// count shows a rate or a number of commits with three significant digits.
func count(v float64) string {
	if v < 10 && v > 0 {
		return plain(verdict.Significant(v, 2))
	}
	return verdict.Count(verdict.Significant(v, 3))
}

// span shows a time in the unit that fits.
func span(ns float64) string {
	switch {
	case ns > 0 && ns < 500:
		return "under 1 us"
	case ns > 0 && ns < 1e6:
		return verdict.Count(ns/1e3) + " us"
	}
	return verdict.Span(int64(ns))
}

// why gives the reasons of the answer.
func (d *decision) why(p *Plan) []string {
	switch p.Verdict {
	case No:
		return d.whyNot(p)
	case Unknown:
		return d.whyUnknown(p)
	}
	var out []string
	use := p.row(p.Use)
	meet := 0
	for i := range p.Rows {
		if p.Rows[i].Verdict == Yes {
			meet++
		}
	}
	if meet == 1 {
		out = append(out, fmt.Sprintf("%s is the only pair measured that meets it.", p.Use))
	} else {
		out = append(out, fmt.Sprintf("%d pairs meet it; %s loses least. Next: %s, %s.", meet, p.Use, p.RunnerUp, lossText(p.row(p.RunnerUp))))
	}
	out = append(out, fmt.Sprintf("%s: %s.", p.Use, lossText(use)))
	if shown := max(use.Capacity.Lo, 0); shown < p.NeedTPS {
		measured := "no paced cell shows it"
		if shown > 0 {
			measured = count(shown) + "/s is what cells show"
		}
		out = append(out, fmt.Sprintf("That it carries %s/s is modelled, not measured: %s.", count(p.NeedTPS), measured))
	}
	for i := range p.Rows {
		if r := &p.Rows[i]; r.Verdict == No {
			out = append(out, fmt.Sprintf("%s misses: %s.", r.Name, r.Misses[0].Text))
		}
	}
	for i := range p.Rows {
		if pr := p.Rows[i].Loss[OS].Proven; pr != nil && pr.Diverged > 0 && p.Rows[i].Verdict == Yes {
			out = append(out, fmt.Sprintf("%s left table and binlog different in %d of %d kernel crashes.", p.Rows[i].Name, pr.Diverged, pr.Trials))
		}
	}
	return out
}

func (d *decision) whyNot(p *Plan) []string {
	out := []string{"No setting meets this on this disk."}
	for i := range p.Rows {
		r := &p.Rows[i]
		var texts []string
		for _, m := range r.Misses {
			texts = append(texts, m.Text)
		}
		out = append(out, fmt.Sprintf("%s misses: %s.", r.Name, strings.Join(texts[:min(len(texts), 2)], "; ")))
	}
	return out
}

func (d *decision) whyUnknown(p *Plan) []string {
	out := []string{"Not decided: what was measured does not show that a pair meets it, nor that none does."}
	for i := range p.Rows {
		if r := &p.Rows[i]; r.Verdict == Unknown {
			out = append(out, fmt.Sprintf("%s: %s.", r.Name, strings.Join(r.Unknown, "; ")))
		}
	}
	return append(out, fmt.Sprintf("Measure it: flushbench sweep, or run --rate %s.", plain(p.NeedTPS)))
}

// lossText says what a pair may lose, kinds that lose the same together.
func lossText(r *Row) string {
	var same [][]string
	var texts []string
	for _, k := range Kinds() {
		text := lossOf(r.Loss[k])
		if n := len(texts); n > 0 && texts[n-1] == text {
			same[n-1] = append(same[n-1], k.Words())
			continue
		}
		texts, same = append(texts, text), append(same, []string{k.Words()})
	}
	for i := range texts {
		if len(texts) == 1 {
			return "a crash of any kind takes " + texts[0]
		}
		texts[i] = "a " + strings.Join(same[i], " or ") + " takes " + texts[i]
	}
	return strings.Join(texts, ", ")
}

// lossOf is what a crash takes.
func lossOf(l LossSeen) string {
	switch {
	case l.Nothing:
		return "nothing"
	case l.Unbounded:
		return "up to about 35 s (kernel writeback)"
	case !l.Measured && l.AgeNS == 0:
		return "something (not measured)"
	case !l.Measured:
		return "up to " + span(l.AgeNS) + " or more (not measured)"
	}
	return "up to " + span(l.AgeNS)
}

// What makes figures of a short run doubtful.
const (
	burstSeconds = 30 * 60
	// A drive that has to program flash needs 0.4 ms and more for a flush; faster ones
	// have protected memory, no volatile cache, or do not do it.
	tooFastNS = 200_000
)

// bursts reports whether a device is of a kind that is known to slow down: cloud
// volumes by their model, virtual disks, drives whose cache is volatile, unless
// somebody vouches for it: consumer drives have no protected cache.
func (d *decision) bursts() bool {
	if steady, given := d.o.Assume[AssumeSteady]; given {
		return !steady
	}
	name := strings.ToLower(d.disk.Model)
	for _, cloud := range []string{"elastic block store", "persistentdisk", "hyperdisk", "virtual disk", "cloud"} {
		if strings.Contains(name, cloud) {
			return true
		}
	}
	k := d.disk.Kind
	return k == result.DeviceVirtual || (k == result.DeviceSSD || k == result.DeviceNVMe) && d.disk.WriteCache == result.CacheWriteBack && !d.o.Assume.safe()
}

// lasting says what soaks have shown, and what has not been soaked on a device that
// is known to slow down: a soak counts that was steady for half an hour at the rate
// that is needed.
func (d *decision) lasting() []string {
	var out []string
	soaked := false
	for i := range d.pairs {
		m := &d.pairs[i]
		for j := range m.Points {
			p := &m.Points[j]
			if p.Soak == nil {
				continue
			}
			name := fmt.Sprintf("A soak of %s at %s/s", m.Pair, count(p.TPS.Median))
			out = append(out, verdict.SoakSentences(name, p.Soak)...)
			soaked = soaked || p.Soak.Steady && float64(p.Soak.ActiveNS) >= burstSeconds*1e9 && p.TPS.Median >= keptUpShare*d.o.need()
		}
	}
	const remedy = "this device may slow down when its burst credit or cache is used up. Run a soak: flushbench run --soak 2h"
	switch {
	case soaked || !d.bursts():
	case len(out) > 0:
		out = append(out, fmt.Sprintf("No soak was steady for 30 minutes at %s/s: %s --rate %s.", count(d.o.need()), remedy, plain(math.Ceil(d.o.need()))))
	case d.measuredS < burstSeconds:
		out = append(out, fmt.Sprintf("Figures from under 30 minutes (%s); %s.", (time.Duration(d.measuredS)*time.Second).String(), remedy))
	default:
		out = append(out, fmt.Sprintf("Measured in turns (%s in all), with no load that stayed; %s.", (time.Duration(d.measuredS)*time.Second).String(), remedy))
	}
	return out
}

// doubtful reports whether flushes are faster than such a drive can be.
func (d *decision) doubtful() bool {
	k := d.disk.Kind
	return (k == result.DeviceSSD || k == result.DeviceNVMe) && d.disk.WriteCache == result.CacheWriteBack &&
		d.disk.FlushNSP50 > 0 && d.disk.FlushNSP50 < tooFastNS && !d.o.Assume.safe()
}

// limits says what the figures do not.
func (d *decision) limits(p *Plan) []string {
	var out []string
	add := func(format string, a ...any) { out = append(out, fmt.Sprintf(format, a...)) }
	if d.doubtful() {
		add("A flush of %s is faster than flash is programmed, and nobody vouches for power-loss protection (--assume plp=yes): what a power cut takes is not shown. Data sheet, or: flushbench plug.", span(d.disk.FlushNSP50))
	}
	out = append(out, d.lasting()...)
	if r := p.row(p.Use); r != nil {
		out = append(out, proofLimits(r)...)
	}
	if d.disk.Partial {
		add("A result is not complete: some cells have fewer rounds than asked for.")
	}
	if n := d.disk.Rounds; n < 5 {
		add("Cells with fewer than 5 rounds (%d): their intervals are narrower than they should be.", n)
	}
	if !d.disk.Settled {
		add("Some cells had not settled: their throughput drifted within a round.")
	}
	if x := d.recordsDiffer(); x != "" {
		out = append(out, x)
	}
	return append(out, d.whose())
}

// whose says whose figures these are, and how far they can be carried over.
func (d *decision) whose() string {
	if d.disk.Server != "" {
		return fmt.Sprintf("These are figures of %s, with this table and these transactions; how close a plan by flushbench's engine comes to it, run --target engine,... shows.", d.disk.Server)
	}
	text := "This is flushbench's engine, not your server: what transfers best is the time that a setting adds."
	if e := d.disk.Ratios; e != nil {
		text += fmt.Sprintf(" Measured on this host: its ratios between settings lie %.0f %% from those of %s (median of %d).", 100*e.Median, strings.Join(e.Servers, ", "), e.N)
	}
	return text
}

// proofLimits says what crashes have shown of the recommended pair.
func proofLimits(r *Row) []string {
	var out []string
	var none []string
	for _, k := range Kinds() {
		l := r.Loss[k]
		switch {
		case l.Proven == nil:
			none = append(none, k.Words())
		case l.Proven.WithLoss == 0:
			out = append(out, fmt.Sprintf("0 of %d trials of a %s lost anything: up to %.0f %% of crashes may still (95 %%).", l.Proven.Trials, k.Words(), 100*l.Proven.Bound))
		}
	}
	if len(none) > 0 {
		out = append(out, "Not crashed for real: "+strings.Join(none, ", ")+" (flushbench crash).")
	}
	return out
}

// recordsDiffer says so where the asked records or transactions are not those measured.
func (d *decision) recordsDiffer() string {
	for i := range d.pairs {
		for j := range d.pairs[i].Points {
			p := &d.pairs[i].Points[j].Params
			if d.o.RecordBytes > 0 && p.RecordBytes <= 0 {
				return fmt.Sprintf("Records of %d B were asked for: workload %s makes its own, so nothing is scaled.", d.o.RecordBytes, p.Workload)
			}
			if f := float64(d.o.RecordBytes) / float64(max(p.RecordBytes, 1)); d.o.RecordBytes > 0 && p.RecordBytes > 0 && (f > 1+nearShare || f < 1-nearShare) {
				return fmt.Sprintf("Measured with records of %d B, asked for %d B: bytes are scaled, rates and latencies are not.", p.RecordBytes, d.o.RecordBytes)
			}
			if d.o.TxSize > 0 && p.RowsPerTxn > 0 && p.RowsPerTxn != int(d.o.TxSize) {
				return fmt.Sprintf("Measured with %d rows a transaction, asked for %d: nothing is scaled.", p.RowsPerTxn, d.o.TxSize)
			}
		}
	}
	return ""
}

// assumed repeats what the user vouches for, with what hangs on it.
func (d *decision) assumed() []string {
	var out []string
	for _, a := range []struct{ name, yes, no string }{
		{AssumePLP, "the drive keeps what is in its cache when the power goes. Without it a power cut takes what the drive had not flushed, if it does not honour flushes.", "the drive forgets its cache when the power goes: all rests on the flushes that it is sent."},
		{AssumeBattery, "the controller keeps its cache when the power goes. Without it a power cut takes what it had not written, however fast it said so.", "the controller forgets its cache when the power goes."},
		{AssumeAtomic, "a sector is written whole or not at all. Without it a power cut may damage commits that share the last block with the one being written.", "a sector may be torn: run with --tail pad, which never writes a block twice."},
		{AssumeSteady, "the device does not slow down under a load that stays. Without it a burst credit or a fast cache may end after minutes: only a soak shows it.", "the device slows down under a load that stays: these are figures of its better time."},
	} {
		yes, given := d.o.Assume[a.name]
		switch {
		case !given:
		case yes:
			out = append(out, a.name+"=yes, you say: "+a.yes)
		default:
			out = append(out, a.name+"=no, you say: "+a.no)
		}
	}
	return out
}
