package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"flushbench/engine/vfs"
	"flushbench/workload/crash"
	"flushbench/workload/scenario"
)

// ofTheMatrix are flags that are not taken over into the line that runs one
// trial again: that line says them itself, or they concern the output.
var ofTheMatrix = []string{"kinds", "fs", "policy", "trials", "frozen-share", "rate", "seed", "trial-seed", "no-controls",
	"format", "results", "name", "quiet", "dry-run", "yes-destroy"}

// reproduceLine is the command line that runs one trial again: the flags that
// were given, with the cell's own values for the axes, and the trial's seed.
func reproduceLine(flags *pflag.FlagSet, c *crash.Cell, t crash.Trial, rate scenario.Rate) string {
	args := []string{"flushbench", "crash", "--kinds", c.Kind.String()}
	if c.Kind != vfs.CrashProcess {
		args = append(args, "--fs", c.FS)
	}
	args = append(args, "--policy", c.Policy.String())
	own := cellFlags(c)
	flags.Visit(func(f *pflag.Flag) {
		if slices.Contains(ofTheMatrix, f.Name) {
			return
		}
		if value, ok := own[f.Name]; ok {
			args = append(args, "--"+f.Name, value)
			return
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			for _, v := range list.GetSlice() {
				args = append(args, "--"+f.Name, v)
			}
			return
		}
		args = append(args, "--"+f.Name+"="+f.Value.String())
	})
	if !flags.Changed("growth") && c.Server == nil && c.Engine.Growth != scenario.Default().Growth[0] {
		args = append(args, "--growth", c.Engine.Growth.String()) // chosen for a disk that runs full
	}
	frozen := "0"
	if t.Frozen {
		frozen = "1"
	}
	args = append(args, "--rate", rate.String(), "--frozen-share", frozen, "--trial-seed", strconv.FormatUint(t.Seed, 10))
	for i, a := range args {
		args[i] = shellWord(a)
	}
	return strings.Join(args, " ")
}

// cellFlags are the axes of a cell as flags.
func cellFlags(c *crash.Cell) map[string]string {
	if c.Server != nil {
		return serverFlags(c)
	}
	e, g := &c.Engine, &c.Engine.Commit
	out := map[string]string{
		"flush-method": e.Method.String(), "growth": e.Growth.String(), "log-buffer": e.BufferKind.String(),
		"group-commit": g.Strategy.String(), "group-delay": g.Delay.String(), "clients": strconv.Itoa(c.Clients), "record-bytes": c.Sizes.String(),
		"log-capacity": scenario.Size(e.Capacity).String(), "log-buffer-size": scenario.Size(e.BufferSize).String(),
	}
	out["fault"] = c.Fault.String()
	if !c.Transactional() {
		out["workload"] = scenario.KindLog.String()
		return out
	}
	out["workload"] = c.Load.Kind.String()
	d := &c.Database
	overlap := "on"
	if d.Stages.Serial {
		overlap = "off"
	}
	out["key-distribution"], out["rows-per-txn"] = c.Load.Keys.String(), strconv.Itoa(c.Load.RowsPerTxn)
	out["binlog-format"], out["binlog-growth"], out["binlog-overlap"] = d.Binlog.Format.String(), d.Binlog.Growth.String(), overlap
	out["buffer-pool"], out["doublewrite"], out["durability"] = scenario.Size(d.BufferPool).String(), scenario.Switch(!d.NoDoublewrite).String(), d.Durability.String()
	out["commit-protocol"], out["at"] = d.Stages.Protocol.String(), c.Point.String()
	if d.Binlog.Enabled {
		out["sync-binlog"], out["group-delay"] = strconv.Itoa(d.Stages.SyncBinlog), d.Stages.Delay.String()
	}
	return out
}

// serverFlags are the axes of a cell on a server as flags.
func serverFlags(c *crash.Cell) map[string]string {
	s := c.Server
	return map[string]string{
		"workload": c.Load.Kind.String(),
		"target":   s.Product.String(), "start": s.Product.String(), "clients": strconv.Itoa(c.Clients), "sync-binlog": strconv.Itoa(max(s.Pair.SyncBinlog, 0)),
		"key-distribution": c.Load.Keys.String(), "rows-per-txn": strconv.Itoa(c.Load.RowsPerTxn),
		"server-log-buffering": s.Buffering.String(), "server-log-overwritten": scenario.Switch(s.Overwritten).String(),
	}
}

// shellWord quotes a word for a shell where it needs it.
func shellWord(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=+.,:/%@", r))
	}) {
		return s
	}
	return fmt.Sprintf("'%s'", strings.ReplaceAll(s, "'", `'\''`))
}
