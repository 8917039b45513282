package audit

import (
	"fmt"
	"strings"

	"flushbench/groupcommit"
	"flushbench/metrics/verdict"
	"flushbench/workload/durability"
	"flushbench/workload/target"
)

// answer says in sentences what each kind of crash may take, kinds that take the
// same together, and what voids the policy.
func answer(r *Report, p *promise) []string {
	var out []string
	for i := 0; i < len(r.Crashes); {
		j := i + 1
		for j < len(r.Crashes) && sameLoss(&r.Crashes[i], &r.Crashes[j]) {
			j++
		}
		out = append(out, sentence(r.Crashes[i:j], r))
		i = j
	}
	if codes := r.voiding(); len(codes) > 0 {
		out = append(out, fmt.Sprintf("What is set does not hold: see VOIDS (%s).", strings.Join(codes, ", ")))
	}
	return out
}

// voiding are the codes of the findings that void the policy.
func (r *Report) voiding() (codes []string) {
	for _, f := range r.Findings {
		if f.Grade == Voids {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

func sameLoss(a, b *Crash) bool {
	if a.Damaged != b.Damaged || a.Tables != b.Tables || (a.Binlog == nil) != (b.Binlog == nil) {
		return false
	}
	return a.Binlog == nil || *a.Binlog == *b.Binlog
}

// sentence is about kinds of crash that may take the same.
func sentence(same []Crash, r *Report) string {
	names := make([]string, len(same))
	for i := range same {
		names[i] = "a " + kindNames[same[i].Kind]
	}
	who := strings.Join(names, " or ")
	if len(names) > 2 {
		who = strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	}
	who = strings.ToUpper(who[:1]) + who[1:]
	c := &same[0]
	worst := c.Worst()
	if worst.Extent == Nothing {
		if c.Damaged {
			return who + " takes no commit from the log, but may leave pages that cannot be repaired."
		}
		return who + " takes nothing that was acknowledged."
	}
	text := fmt.Sprintf("%s may take %s", who, TakenText(worst))
	switch {
	case c.Binlog == nil || *c.Binlog == c.Tables:
	case c.Binlog.Extent == Nothing:
		text += " from the tables; the binlog keeps it, and is ahead"
	case c.Tables.Extent == Nothing:
		text += " from the binlog; the tables keep it, and are ahead"
	case worst == c.Tables:
		text += " from the tables, and " + TakenText(*c.Binlog) + " from the binlog"
	default:
		text += " from the binlog, and " + TakenText(c.Tables) + " from the tables"
	}
	if c.Commits != nil && r.Load.CommitsPS != nil {
		text += fmt.Sprintf(": about %s commits at the present %s/s", verdict.Decimal(*c.Commits), verdict.Decimal(*r.Load.CommitsPS))
	}
	if c.Damaged {
		text += ", and leave pages that cannot be repaired"
	}
	return text + "."
}

// TakenText says what a loss takes, as what stands behind "may take".
func TakenText(l Loss) string {
	switch l.Extent {
	case Nothing:
		return "nothing"
	case Lag:
		return "the last moment, at most about " + spanText(l.Seconds)
	case Groups:
		text := "the last " + groups(l.Groups) + " of commits"
		if l.Groups == 1 {
			text = "the last group of commits"
		}
		if l.Seconds > 0 {
			text += " (now " + spanText(l.Seconds) + ")"
		}
		return text
	case Interval:
		if late := lateText(l); late != "" {
			return fmt.Sprintf("about the last %s (%s)", spanText(l.Seconds), late)
		}
		return "about the last " + spanText(l.Seconds)
	}
	if l.Seconds > 0 {
		return fmt.Sprintf("what the kernel had not written back (some %s, no bound)", spanText(l.Seconds))
	}
	return "anything that was acknowledged"
}

// lateText says what a late timer makes of an interval, if that is much more.
func lateText(l Loss) string {
	if l.Most > 1.2*l.Seconds {
		return spanText(l.Most) + " if its timer is late"
	}
	return ""
}

// CellText is a loss in a cell of a table.
func CellText(l Loss) string {
	switch l.Extent {
	case Nothing:
		return "nothing"
	case Lag:
		return "< " + spanText(l.Seconds)
	case Groups:
		if l.Seconds > 0 {
			return fmt.Sprintf("%s, %s", groups(l.Groups), spanText(l.Seconds))
		}
		return groups(l.Groups)
	case Interval:
		if lateText(l) != "" {
			return fmt.Sprintf("%s, late %s", spanText(l.Seconds), spanText(l.Most))
		}
		return spanText(l.Seconds)
	}
	if l.Seconds > 0 {
		return "~" + spanText(l.Seconds) + ", no bound"
	}
	return "no bound"
}

// spanText is a time in seconds with as many digits as it is worth.
func spanText(seconds float64) string {
	if seconds < 0.0995 {
		return fmt.Sprintf("%.2g ms", seconds*1000)
	}
	return fmt.Sprintf("%.2g s", seconds)
}

// next says what to look at, the most pressing first: at most four steps.
func next(f *Facts, p *promise, r *Report) []Step {
	out := []Step{}
	add := func(why, command string) { out = append(out, Step{why, command}) }
	strict := r.Crashes[durability.Power].Worst().Extent == Nothing && !r.Crashes[durability.Power].Damaged
	if sets := strictSettings(f, p); sets != "" {
		add("to lose nothing", sets)
	}
	dir := "DATADIR"
	if f.Info.DataDir != "" {
		dir = f.Info.DataDir
	}
	switch {
	case !strict:
		add("what that costs here", "flushbench probe --gentle --dir "+dir)
		add("crash a private server with these policies", crashCommand(f, p))
	default:
		add("does the drive obey flushes", "flushbench plug load, see docs/crash-lab.md")
	}
	add("this load elsewhere", "flushbench audit ADDRESS --write-scenario load.yaml")
	return out
}

// strictSettings are the statements that make the server keep every commit, as far as
// statements can; "" when it is set so.
func strictSettings(f *Facts, p *promise) string {
	var sets []string
	if f.Info.Product == target.PostgreSQL {
		if off(f.Settings.Get("fsync")) {
			sets = append(sets, "ALTER SYSTEM SET fsync = on")
		}
		if p.named == 0 {
			sets = append(sets, "ALTER SYSTEM SET synchronous_commit = on")
		}
		if len(sets) > 0 {
			sets = append(sets, "SELECT pg_reload_conf()")
		}
		return strings.Join(sets, "; ")
	}
	if !p.named.Flushes() {
		sets = append(sets, "SET GLOBAL innodb_flush_log_at_trx_commit = 1")
	}
	if p.binlog && p.every != 1 {
		sets = append(sets, "SET GLOBAL sync_binlog = 1")
	}
	return strings.Join(sets, "; ")
}

// crashCommand crashes a private server with the policies of this one.
func crashCommand(f *Facts, p *promise) string {
	text := fmt.Sprintf("flushbench crash --target %s --policy %v", productTarget(f), p.named)
	if p.binlog {
		text += fmt.Sprintf(" --sync-binlog %d", p.every)
	}
	if interval := p.setting.Interval; f.Info.Product != target.PostgreSQL && !p.kept.Flushes() && interval != groupcommit.DefaultInterval {
		text += fmt.Sprintf(" --flush-interval %v", interval)
	}
	return text + " --kinds process,os,power"
}

// productTarget is what crash --target calls the server's product.
func productTarget(f *Facts) string {
	switch f.Info.Product {
	case target.MySQL:
		return "mysqld"
	case target.PostgreSQL:
		return "postgres"
	}
	return "mariadbd"
}
