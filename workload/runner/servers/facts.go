package servers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/workload/process"
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
func (v *Live) inspect(ctx context.Context) error {
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
	for _, c := range v.cells() {
		if err := v.can(&c.Asked); err != nil {
			return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s: %v", v.name, err)}}
		}
	}
	if path, flags, err := server.OpenRedo(v.pid(), v.info.Product, v.info.LogDir); err == nil && path != "" {
		v.facts.RedoLogFlags = flags.String()
	}
	v.cpu = process.CPU(v.pid())
	return nil
}

// freeName makes the name of a product one of its own. Private servers that differ in
// their log buffering alone, which cells name beside it, have the same.
func (v *Live) freeName(product string) string {
	name := product
	for n := 2; slices.ContainsFunc(v.roster.live, func(o *Live) bool { return o.name == name && o.Label != v.Label }); n++ {
		name = fmt.Sprintf("%s-%d", product, n)
	}
	return name
}

func settingsOf(s target.Settings) []result.ServerSetting {
	all := make([]result.ServerSetting, len(s))
	for i := range s {
		all[i] = result.ServerSetting{Name: s[i].Name, Value: s[i].Value}
	}
	return all
}

// refuseOthers refuses a server that serves others, unless the user allowed it.
func (v *Live) refuseOthers(ctx context.Context) error {
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
	if v.roster.cfg.BesideLiveDatabase {
		v.roster.cfg.Note(strings.Join(lines, "; ") + "; their commits are slowed, their durability changes with the policy, and they disturb the figures")
		v.facts.Warnings = append(v.facts.Warnings, result.Warning{Code: "server-in-use",
			Text: fmt.Sprintf("%s served %d other clients when the run began", v.name, len(others)), Advice: "Measure a server that nobody uses."})
		return nil
	}
	return &workdir.Refusal{Lines: append(lines, "The run changes for all of them what a crash may take. Measure another server, or add --beside-live-database. Nothing was changed.")}
}

// can says what a server has nothing for.
func (v *Live) can(a *Asked) error {
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
func (v *Live) want(a *Asked) (target.Settings, error) {
	all, err := v.conn.Meaning(a.Pair)
	if err != nil {
		return nil, err
	}
	return slices.Concat(all, v.Set), nil
}
