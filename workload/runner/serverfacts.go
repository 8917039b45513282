package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/server"
	"flushbench/workload/target"
	"flushbench/workload/workdir"
)

// The variables that the run sets beside those of a policy.
const (
	varBuffering = "innodb_log_file_buffering"
	varLogBin    = "log_bin"
)

// inspect looks at a server that was connected to for the first time, and refuses
// one that cannot do what its cells ask for.
func (v *liveServer) inspect(ctx context.Context) error {
	ctx, cancel := call(ctx)
	defer cancel()
	v.name = v.freeName(v.info.Product.String())
	found, err := v.present(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", v.name, err)
	}
	v.found = found
	v.facts = result.ServerFacts{
		Target: v.name, Product: v.info.Product.String(), Address: v.Address.String(), Version: v.info.Version, Private: v.private(),
		Settings: settingsOf(found), Warnings: []result.Warning{},
	}
	if v.private() {
		v.facts.Address = ""
	} else if err := v.refuseOthers(ctx); err != nil {
		return err
	}
	for _, s := range v.r.specsOn(v) {
		if err := v.can(&s.Asked); err != nil {
			return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s: %v", v.name, err)}}
		}
	}
	v.facts.RedoLogFlags = redoFlags(v.pid(), &v.info)
	v.cpu = int64(server.CPU(v.pid()))
	return nil
}

// freeName makes the name of a product one of its own. Private servers that differ in
// their log buffering alone, which cells name beside it, have the same.
func (v *liveServer) freeName(product string) string {
	name := product
	for n := 2; slices.ContainsFunc(v.r.servers, func(o *liveServer) bool { return o.name == name && o.Label != v.Label }); n++ {
		name = fmt.Sprintf("%s-%d", product, n)
	}
	return name
}

// pid is the server's process on this machine; 0: it is not seen from here.
func (v *liveServer) pid() int {
	switch {
	case v.proc != nil:
		return v.proc.PID()
	case v.info.Local:
		return v.info.PID
	}
	return 0
}

func settingsOf(s target.Settings) []result.ServerSetting {
	all := make([]result.ServerSetting, len(s))
	for i := range s {
		all[i] = result.ServerSetting{Name: s[i].Name, Value: s[i].Value}
	}
	return all
}

// refuseOthers refuses a server that serves others, unless the user allowed it.
func (v *liveServer) refuseOthers(ctx context.Context) error {
	others, err := v.conn.Others(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", v.name, err)
	}
	if len(others) == 0 {
		return nil
	}
	const most = 4
	lines := []string{fmt.Sprintf("%v serves others: %d clients are connected beside flushbench", v.Address, len(others))}
	for i, o := range others {
		if i == most {
			lines = append(lines, fmt.Sprintf("  and %d more", len(others)-most))
			break
		}
		lines = append(lines, "  "+o)
	}
	if v.r.cfg.BesideLiveDatabase {
		v.r.cfg.Progress.Note(strings.Join(lines, "; ") + "; their commits are slowed, their durability changes with the policy, and they disturb the figures")
		v.facts.Warnings = append(v.facts.Warnings, result.Warning{Code: "server-in-use",
			Text: fmt.Sprintf("%s served %d other clients when the run began", v.name, len(others)), Advice: "Measure a server that nobody uses."})
		return nil
	}
	return &workdir.Refusal{Lines: append(lines, "The run changes for all of them what a crash may take. Measure another server, or add --beside-live-database. Nothing was changed.")}
}

// can says what a server has nothing for.
func (v *liveServer) can(a *Asked) error {
	if _, err := v.want(a); err != nil {
		return err
	}
	on := target.SameValue(v.found.Get(varLogBin), "on")
	switch {
	case a.Buffering != "" && !v.found.Has(varBuffering):
		return fmt.Errorf("%s %s has no %s: leave out --server-log-buffering", v.info.Product, v.info.Version, varBuffering)
	case a.Buffering != "" && !target.SameValue(v.found.Get(varBuffering), a.Buffering):
		return fmt.Errorf("%s is %s, and a server that was switched on cannot be switched back without a restart: leave out --server-log-buffering, or measure private servers (--start mariadbd)", varBuffering, v.found.Get(varBuffering))
	}
	switch {
	case v.info.Product == target.PostgreSQL:
	case a.Pair.SyncBinlog >= 0 && !on:
		return fmt.Errorf("it writes no binlog (log_bin is off), but the cells ask for sync_binlog %d: add --binlog off", a.Pair.SyncBinlog)
	case a.Pair.SyncBinlog < 0 && on:
		return fmt.Errorf("it writes a binlog (log_bin is on): leave out --binlog off")
	}
	return nil
}

// want is what has to be set for a cell.
func (v *liveServer) want(a *Asked) (target.Settings, error) {
	all, err := v.conn.Meaning(a.Pair)
	if err != nil {
		return nil, err
	}
	return slices.Concat(all, v.Set), nil
}

// pids are the processes of the servers under test on this machine.
func (r *run) pids() (all []int) {
	for _, v := range r.servers {
		if pid := v.pid(); pid > 0 {
			all = append(all, pid)
		}
	}
	return all
}

// neighbours are the database servers on the device that are not under test.
func (r *run) neighbours(ctx context.Context, f hostinfo.Facts) (hostinfo.NeighbourReport, error) {
	report, err := hostinfo.Neighbours(ctx, f.Env)
	ours := r.pids()
	report.Found = slices.DeleteFunc(report.Found, func(n hostinfo.Neighbour) bool { return slices.Contains(ours, n.PID) })
	return report, err
}

// tellServers puts the servers into the result. A resumed one has those of its first
// run, which are replaced.
func (r *run) tellServers() {
	r.res.Environment.Servers = nil
	for _, v := range r.servers {
		f := v.facts
		f.Changed = settingsOf(v.old)
		r.res.Environment.Servers = append(r.res.Environment.Servers, f)
	}
}
