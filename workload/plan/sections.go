package plan

import (
	"fmt"
	"math"
	"strings"

	"flushbench/metrics/model"
	"flushbench/metrics/verdict"
)

// Section is a labelled block of sentences, as the screen and the pages show them.
type Section struct {
	Label     string
	Sentences []string
}

// AskedText says the objectives in a line.
func (p *Plan) AskedText() string {
	text := count(p.TPS) + " commits/s"
	if p.NeedTPS > p.TPS {
		text += fmt.Sprintf(" + %s %%", plain(math.Round(100*(p.NeedTPS/p.TPS-1))))
	}
	if limits := p.LimitText(); limits != "" {
		text += ", " + limits
	}
	for _, a := range p.Asked {
		if rest, ok := strings.CutPrefix(a, "max-loss="); ok {
			text += "; loss: " + lossWords(rest)
		}
	}
	return text
}

// LimitText says the limits of latency: p99 <= 10 ms.
func (p *Plan) LimitText() string {
	var texts []string
	if p.P99NS > 0 {
		texts = append(texts, "p99 <= "+span(float64(p.P99NS)))
	}
	if p.P999NS > 0 {
		texts = append(texts, "p99.9 <= "+span(float64(p.P999NS)))
	}
	return strings.Join(texts, ", ")
}

// lossWords writes process=0,os=1s as a reader would: process 0, kernel <= 1 s.
func lossWords(list string) string {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		kind, limit, _ := strings.Cut(part, "=")
		if kind == string(OS) {
			kind = "kernel"
		}
		if limit != "0" {
			limit = "<= " + limit
		}
		out = append(out, kind+" "+limit)
	}
	return strings.Join(out, ", ")
}

// UseText is the recommendation in a line.
func (p *Plan) UseText() string {
	switch r := p.row(p.Use); {
	case r != nil:
		text := "innodb_flush_log_at_trx_commit = " + r.Pair.Policy
		if n := r.Pair.SyncBinlog; n != nil {
			text += fmt.Sprintf(", sync_binlog = %d", *n)
		}
		return text
	case p.Verdict == Unknown:
		return "Not decided by these results."
	}
	return "No setting meets this on this disk."
}

// Sections are the sentences of the answer, in their order.
func (p *Plan) Sections() []Section {
	var out []Section
	add := func(label string, sentences ...string) {
		var kept []string
		for _, s := range sentences {
			if s != "" {
				kept = append(kept, s)
			}
		}
		if len(kept) > 0 {
			out = append(out, Section{label, kept})
		}
	}
	r := p.row(p.Use)
	if r == nil {
		r = closest(p)
	}
	add("WHY", p.Why...)
	add("SWEPT", p.sweptText()...)
	add("CHANGE", p.changeText()...)
	add("HOSTS", p.groupText()...)
	if r != nil {
		add("LASTS", p.lasts(r))
		add("DRIVE", p.drive(r)...)
		add("LOG", p.logText(r))
		add("RISK", p.riskText()...)
		add("MONEY", p.money()...)
	}
	add("REPLICA", p.replicaText()...)
	add("MODEL", p.modelText()...)
	add("ASSUMED", p.Assumed...)
	add("LIMITS", p.Limits...)
	add("WARNING", p.Disk.Warnings...)
	return out
}

func (p *Plan) changeText() []string {
	var out []string
	for i, c := range p.Change {
		text := strings.ToUpper(c.Text[:1]) + c.Text[1:]
		switch {
		case i == 0 && c.Meets:
			text = fmt.Sprintf("What would help %s most: %s: then it meets all (%s).", c.Pair, c.Text, c.Basis)
		case c.Meets:
			text += ": enough too."
		case c.What == "faster flush":
			text += "."
		default:
			text += ": not enough."
		}
		out = append(out, text)
	}
	if len(p.Change) == 0 && p.Verdict == No {
		out = append(out, "No single change that can be weighed here would be enough: relax an objective, or spread the load over more machines.")
	}
	return out
}

// lasts says how long growth leaves room.
func (p *Plan) lasts(r *Row) string {
	growth := ""
	for _, a := range p.Asked {
		if rest, ok := strings.CutPrefix(a, "traffic-growth="); ok {
			growth = rest
		}
	}
	switch {
	case growth == "" || p.Use == "":
		return ""
	case strings.HasPrefix(growth, "-"):
		return fmt.Sprintf("At %s it is never used up.", growth)
	case r.Until == nil:
		return fmt.Sprintf("At +%s not used up within %d years.", growth, farthest)
	case r.Capacity.Hi == 0:
		return fmt.Sprintf("At +%s until %s at the least: %s/s were shown, more was not tried.", growth, r.Until.Format("2006-01"), count(r.Capacity.Lo))
	}
	return fmt.Sprintf("At +%s until about %s (from the low end, %s).", growth, r.Until.Format("2006-01"), count(r.Capacity.Lo))
}

// drive says what the rate does to the drive.
func (p *Plan) drive(r *Row) []string {
	var out []string
	if r.DeviceBytes > 0 {
		text := fmt.Sprintf("%s a commit (%s of log): %s a day", bytesText(r.DeviceBytes), bytesText(r.LogBytes), terabytes(r.DeviceBytes*p.TPS*86400))
		if r.LifeYears > 0 {
			text += fmt.Sprintf("; the drive lasts %s years at today's rate", years(r.LifeYears))
		}
		out = append(out, text+".")
	}
	if r.FlushesPS > 0 && p.Disk.FlushPerS > 0 {
		out = append(out, fmt.Sprintf("%s flushes/s of the %s/s that one thread gets out of it (%.0f %%).", count(r.FlushesPS), count(p.Disk.FlushPerS), 100*r.FlushShare))
	}
	return out
}

// logText says how large the log must be.
func (p *Plan) logText(r *Row) string {
	if r.LogCapacity <= 0 {
		return r.LogNote
	}
	text := strings.TrimPrefix(r.LogNote+" ", " ") + fmt.Sprintf("A log capacity of %s holds what was asked for (with 15 %% to spare for the checkpoint)", bytesText(r.LogCapacity))
	for _, a := range p.Asked {
		if rest, ok := strings.CutPrefix(a, "recovery-time="); ok {
			var d Duration
			if d.Set(rest) == nil {
				text += fmt.Sprintf("; replaying it within %s takes %s/s", rest, bytesText(r.LogCapacity*usableLog/(float64(d)/1e9)))
			}
		}
	}
	return text + "."
}

// riskText says what the expected crashes take.
func (p *Plan) riskText() []string {
	var out []string
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.LostPerYear < 0 {
			continue
		}
		text := "nothing"
		if r.LostPerYear > 0 {
			text = count(r.LostPerYear) + " commits"
		}
		out = append(out, fmt.Sprintf("%s: %s a year.", r.Name, text))
	}
	if len(out) == 0 {
		return nil
	}
	return []string{"Expected loss from the crashes given, a window being half full in the mean: " + strings.Join(out, " ")}
}

// money says what policy 1 costs over policy 2.
func (p *Plan) money() []string {
	strict, loose := p.cheapest("1"), p.cheapest("2")
	if strict == nil || loose == nil || strict.PerMillion <= 0 || loose.PerMillion <= 0 {
		return nil
	}
	if strict.Machines == loose.Machines {
		return []string{fmt.Sprintf("%s and %s need %s each: policy 1 costs nothing more (%s a million commits).", strict.Name, loose.Name, machinesText(strict.Machines), price(strict.PerMillion))}
	}
	return []string{fmt.Sprintf("%s needs %s, %s needs %s: policy 1 costs %s more a million commits (%s against %s).",
		strict.Name, machinesText(strict.Machines), loose.Name, machinesText(loose.Machines),
		price(strict.PerMillion-loose.PerMillion), price(strict.PerMillion), price(loose.PerMillion))}
}

// cheapest is the row of a policy that loses least and needs a known number of
// machines: the first, since rows go from the strictest on.
func (p *Plan) cheapest(policy string) *Row {
	for i := range p.Rows {
		if r := &p.Rows[i]; r.Pair.Policy == policy && r.Machines > 0 {
			return r
		}
	}
	return nil
}

func machinesText(n float64) string {
	if n == 1 {
		return "1 machine"
	}
	return verdict.Count(n) + " machines"
}

// price shows money to a hundredth, or to two digits where it is less.
func price(v float64) string {
	if math.Abs(v) >= 0.01 || v == 0 {
		return fmt.Sprintf("%.2f", v)
	}
	return plain(verdict.Significant(v, 2))
}

func (p *Plan) replicaText() []string {
	var out []string
	for _, r := range p.Replica {
		text := r.Pair + " (modelled): "
		if r.P99NS > 0 {
			text += fmt.Sprintf("p99 %s, %s. ", span(r.P99NS), map[string]string{Yes: "within the limit", No: "over the limit", Unknown: "p99.9 not known"}[r.Meets])
		}
		out = append(out, text+strings.ToUpper(r.Text[:1])+r.Text[1:]+".")
	}
	return out
}

func (p *Plan) modelText() []string {
	m := p.Model
	if m == nil {
		return []string{strings.ToUpper(p.ModelNote[:1]) + p.ModelNote[1:] + "."}
	}
	text := fmt.Sprintf("Group commit as a queue, fitted on %d cells: a group takes %s beyond its flushes, a commit in it %s. On cells it was not fitted on it is off by %.0f %% in the median", m.Cells, span(m.GroupNS), span(m.CommitNS), 100*m.Quality.Median)
	if m.Quality.MedianP99 >= 0 {
		text += fmt.Sprintf(", at p99 by %.0f %%", 100*m.Quality.MedianP99)
	}
	if m.Quality.Median > maxTrust {
		return []string{text + ": too much to be asked."}
	}
	return []string{text + fmt.Sprintf(". Asked up to %s/s, %d times what was measured.", count(model.MaxReach*m.Reach.MaxRate), model.MaxReach)}
}

// bytesText shows bytes in binary units.
func bytesText(v float64) string {
	for _, u := range []struct {
		name string
		size float64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if v >= u.size {
			return plain(verdict.Significant(v/u.size, 2)) + " " + u.name
		}
	}
	return verdict.Count(v) + " B"
}

// terabytes shows bytes as makers of drives count them.
func terabytes(v float64) string { return plain(verdict.Significant(v/1e12, 2)) + " TB" }

func years(v float64) string {
	if v >= 100 {
		return "over 100"
	}
	return plain(verdict.Significant(v, 2))
}
