package scenario

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"flushbench/engine/axis"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/target"
)

// Target is what a cell runs on. The zero value is the engine.
//
// As text an address has no password: a scenario that was written down has
// forgotten it.
type Target struct {
	Private target.Product // a server of our own; 0: none
	Address target.Address // of a server that runs already; zero: none
}

// engineName is the engine as a target.
const engineName = "engine"

// Engine reports whether t is the engine.
func (t Target) Engine() bool { return t.Private == 0 && t.Address.Scheme == "" }

// String returns engine, a product, or an address without password.
func (t Target) String() string {
	switch {
	case t.Engine():
		return engineName
	case t.Private != 0:
		return t.Private.String()
	}
	return t.Address.String()
}

// MarshalText implements encoding.TextMarshaler.
func (t Target) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads engine, a product (mariadbd, mysqld, postgres) or an address;
// t is unchanged on error, which does not hold a password.
func (t *Target) UnmarshalText(in []byte) error {
	text := strings.TrimSpace(string(in))
	if strings.Contains(text, "://") {
		a, err := target.ParseAddress(text)
		if err != nil {
			return err
		}
		*t = Target{Address: a}
		return nil
	}
	if strings.EqualFold(text, engineName) {
		*t = Target{}
		return nil
	}
	p, err := target.Products.Parse(text)
	if err != nil {
		named := ""
		if !strings.Contains(text, "@") { // there may be a password in it
			named = fmt.Sprintf(" %q", text)
		}
		return fmt.Errorf("unknown target%s: legal are engine, mariadbd, mysqld, postgres, mysql://USER@PLACE/DATABASE and postgres://USER@PLACE/DATABASE", named)
	}
	*t = Target{Private: p}
	return nil
}

// postgres reports whether t is a PostgreSQL.
func (t Target) postgres() bool {
	return t.Private == target.PostgreSQL || t.Address.Scheme == target.SchemePostgres
}

// Buffering is MariaDB's innodb_log_file_buffering as an axis of private servers.
type Buffering uint8

// The values. The zero value leaves the server as it is.
const (
	BufferingOwn Buffering = iota
	BufferingOff
	BufferingOn
)

// Bufferings is the table of the axis.
var Bufferings = axis.Table[Buffering]{
	Axis: "server log buffering",
	Values: []axis.Value[Buffering]{
		{Value: BufferingOwn, Name: "own", Help: "as the server has it"},
		{Value: BufferingOff, Name: "off", Alias: []string{"0"}, Help: "the redo log goes to the device without the page cache (O_DIRECT)"},
		{Value: BufferingOn, Name: "on", Alias: []string{"1"}, Help: "through the page cache"},
	},
}

// String returns the name of b.
func (b Buffering) String() string { return Bufferings.Name(b) }

// MarshalText implements encoding.TextMarshaler.
func (b Buffering) MarshalText() ([]byte, error) { return Bufferings.MarshalText(b) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Buffering) UnmarshalText(text []byte) error { return Bufferings.UnmarshalText(b, text) }

// Assignments are variables of a server with their values, in the order given.
type Assignments target.Settings

// MarshalText writes NAME=VALUE,NAME=VALUE.
func (a Assignments) MarshalText() ([]byte, error) {
	parts := make([]string, len(a))
	for i, s := range a {
		parts[i] = s.Name + "=" + s.Value
	}
	return []byte(strings.Join(parts, ",")), nil
}

// UnmarshalText adds NAME=VALUE,NAME=VALUE to what is there; a name that is there
// gets the new value. What follows a comma and has no "=" belongs to the value
// before: sql_mode=A,B.
func (a *Assignments) UnmarshalText(in []byte) error {
	all := slices.Clone(*a)
	if strings.TrimSpace(string(in)) == "" {
		return nil
	}
	last := -1
	for part := range strings.SplitSeq(string(in), ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok && last >= 0 {
			all[last].Value += "," + name
			continue
		}
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \t'\"`;\x00") {
			return fmt.Errorf("%q: legal is NAME=VALUE, such as innodb_flush_log_at_timeout=2", part)
		}
		last = slices.IndexFunc(all, func(s target.Setting) bool { return s.Name == name })
		if last < 0 {
			last, all = len(all), append(all, target.Setting{Name: name})
		}
		all[last].Value = strings.TrimSpace(value)
	}
	*a = all
	return nil
}

// serverFields are the settings of runs on real servers.
func (s *Scenario) serverFields() []field {
	return []field{
		{name: "target", heading: headServer,
			usage: "`LIST` of what to measure: engine, private servers (mariadbd, mysqld, postgres), mysql://USER@PLACE/DATABASE, postgres://...; auto: the engine, or what is started", values: []string{"auto", "engine", "mariadbd", "mysqld", "postgres"}, value: &targets{s}},
		{name: "start", heading: headServer,
			usage: "`LIST` of private servers to measure, beside the targets if any are named", values: []string{"mariadbd", "mysqld", "postgres"}, value: &starts{s}},
		{name: "server-log-buffering", heading: headServer,
			usage: "`LIST` of MariaDB's innodb_log_file_buffering" + legal(Bufferings), values: Bufferings.Names(), value: &s.ServerLogBuffering},
		{name: "server-set", heading: headServer,
			usage: "`NAME=VALUE,...`: variables to set for the run, and to put back", value: &s.ServerSet},
		{name: "server-option", heading: headServer,
			usage: "`NAME=VALUE,...`: options to start private servers with", value: &s.ServerOption},
	}
}

// Targets are what the cells run on: Target and Start, or without any the engine.
func (s *Scenario) Targets() []Target {
	all := []Target(slices.Clone(s.Target))
	if len(all) == 0 && len(s.Start) == 0 {
		return []Target{{}}
	}
	for _, p := range s.Start {
		if !slices.ContainsFunc(all, func(t Target) bool { return t.Private == p }) {
			all = append(all, Target{Private: p})
		}
	}
	return all
}

// Servers reports whether a target is a real server.
func (s *Scenario) Servers() bool {
	return slices.ContainsFunc(s.Targets(), func(t Target) bool { return !t.Engine() })
}

// Labels are short names of the targets, each another one, in the order of Targets:
// engine, mariadb, mysql-2. A server at an address is called by its scheme.
func (s *Scenario) Labels() []string {
	seen := map[string]int{}
	var labels []string
	for _, t := range s.Targets() {
		name := t.String()
		if t.Address.Scheme != "" {
			name = t.Address.Scheme
		}
		seen[name]++
		if n := seen[name]; n > 1 {
			name = fmt.Sprintf("%s-%d", name, n)
		}
		labels = append(labels, name)
	}
	return labels
}

// Label is the name of a cell's target.
func (s *Scenario) Label(c Cell) string {
	for i, t := range s.Targets() {
		if t.String() == c.Target.String() {
			return s.Labels()[i]
		}
	}
	return c.Target.String()
}

// ErrLogOnServer refuses workload log, where it was asked for, with a real server.
var ErrLogOnServer = errors.New("workload log with a server: it has no form there; choose a workload with rows, such as update")

// settleServers chooses the workload of real servers where there is none with rows:
// workload log, the default, has no form there.
func (s *Scenario) settleServers() {
	if s.Servers() && s.Workload == KindLog {
		s.Workload = workload.KindUpdate
	}
}

// checkServers refuses what no real server has.
func (s *Scenario) checkServers() error {
	if !s.Servers() {
		switch {
		case len(s.ServerSet) > 0 || len(s.ServerOption) > 0 || !slices.Equal(s.ServerLogBuffering, List[Buffering]{BufferingOwn}):
			return errors.New("server-set, server-option and server-log-buffering without a server: add --target or --start")
		case s.TxnCPU == TxnCPUAuto:
			return errors.New("txn-cpu auto without a server whose work could be taken: add --target engine,mariadbd, or give a time")
		}
		return nil
	}
	all := s.Targets()
	engine := slices.ContainsFunc(all, Target.Engine)
	private := slices.ContainsFunc(all, func(t Target) bool { return t.Private != 0 })
	onlyPostgres := !slices.ContainsFunc(all, func(t Target) bool { return !t.Engine() && !t.postgres() })
	for i, t := range all {
		if slices.IndexFunc(all, func(o Target) bool { return o.String() == t.String() }) != i {
			return fmt.Errorf("target: %v stands in the list twice", t)
		}
	}
	for _, x := range s.ServerSet {
		if flag := ownFlags[strings.ToLower(x.Name)]; flag != "" {
			return fmt.Errorf("server-set %s: every cell sets it; give %s", x.Name, flag)
		}
	}
	switch {
	case s.TxnCPU == TxnCPUAuto && !engine:
		return errors.New("txn-cpu auto without the engine, whose work it is about: add --target engine")
	case s.TxnCPU > 0 && !engine:
		return fmt.Errorf("txn-cpu %v without the engine: a server's work is its own", s.TxnCPU)
	case private && len(s.BufferPool) > 1:
		return errors.New("buffer-pool: several sizes with a private server: it is started once, with one; give one size")
	case len(s.ServerOption) > 0 && !private:
		return errors.New("server-option without a private server: it is for what flushbench starts; change a running one with server-set")
	case engine && onlyPostgres && bool(s.Binlog):
		return errors.New("binlog on with targets engine and postgres: PostgreSQL has none, so they would not be alike; add --binlog off")
	case !engine && (s.LogDir != "" || s.DataDir != "" || s.BinlogDir != ""):
		return errors.New("log-dir, data-dir and binlog-dir are the engine's: a private server lies in dir")
	case !slices.Equal(s.ServerLogBuffering, List[Buffering]{BufferingOwn}) && onlyPostgres:
		return errors.New("server-log-buffering with PostgreSQL alone: it is MariaDB's innodb_log_file_buffering")
	}
	return nil
}

// ownFlags are the variables of servers that are axes, and their flags.
var ownFlags = map[string]string{
	"innodb_flush_log_at_trx_commit": "--policy", "synchronous_commit": "--policy", "sync_binlog": "--sync-binlog",
	"innodb_log_file_buffering": "--server-log-buffering",
}

// Why a combination is not measured on a server, or not on the engine.
const (
	whyServersOwn = "flush method, growth, log, buffers, grouping, commit protocol and formats are a server's own: measured once"
	whyNoPolicy   = "this server has no such policy: PostgreSQL has 0 and 1, MySQL has no 3"
	whyBuffering  = "innodb_log_file_buffering is MariaDB's alone: measured once"
	whyNoView     = "long-view is the engine's alone"
	whyNoSync     = "PostgreSQL has no binlog: measured once"
)

// canonicalTarget sets what does not matter to the cell's target to the first value.
func (s *Scenario) canonicalTarget(c Cell) (Cell, string) {
	buffering := c.Buffering != BufferingOwn && (c.Target.Engine() || c.Target.postgres() || c.Target.Private == target.MySQL)
	if buffering {
		c.Buffering = BufferingOwn
	}
	if c.Target.Engine() {
		if buffering || len(s.ServerLogBuffering) > 1 {
			c.Buffering = BufferingOwn
			return c, whyBuffering
		}
		return c, ""
	}
	same := c
	c.Method, c.Growth, c.LogBuffer, c.BufferSize, c.Capacity = s.FlushMethod[0], s.Growth[0], s.LogBuffer[0], s.LogBufferSize[0], s.LogCapacity[0]
	c.Protocol, c.BufferPool, c.Doublewrite, c.Durability = groupcommit.TwoPhase, s.BufferPool[0], s.Doublewrite[0], s.Durability[0]
	c.GroupCommit, c.GroupDelay, c.GroupCount = groupcommit.Dedicated, groupcommit.Delay{}, 0
	c.Format, c.Binlog, c.Overlap = s.BinlogFormat[0], s.BinlogGrowth[0], s.BinlogOverlap[0]
	switch {
	case c.Target.postgres() && (c.Policy == groupcommit.Policy2 || c.Policy == groupcommit.Policy3),
		c.Target.Private == target.MySQL && c.Policy == groupcommit.Policy3:
		return c, whyNoPolicy
	case c.LongView.Open():
		return c, whyNoView
	case buffering:
		return c, whyBuffering
	case c.Target.postgres() && c.SyncBinlog != s.SyncBinlog[0]:
		c.SyncBinlog = s.SyncBinlog[0]
		return c, whyNoSync
	}
	if same.GroupCount = c.GroupCount; !reflect.DeepEqual(c, same) {
		return c, whyServersOwn
	}
	return c, ""
}

// Pair is what is asked of the server of a cell.
func (s *Scenario) Pair(c Cell) target.Pair {
	p := target.Pair{Policy: int(c.Policy), SyncBinlog: -1}
	if bool(s.Binlog) && !c.Target.postgres() {
		p.SyncBinlog = c.SyncBinlog
	}
	return p
}

// unsafeSettings are values with which a server keeps nothing of what a policy
// promises, or writes pages that a crash may tear.
var unsafeSettings = map[string][]string{
	"fsync": {"off"}, "full_page_writes": {"off"}, "innodb_doublewrite": {"off"}, "innodb_flush_method": {"nosync"},
	"debug_no_sync": {"", "on"}, "skip_innodb_doublewrite": {"", "on"}, "zero_damaged_pages": {"on"},
}

// Unsafe returns the assignments, as NAME=VALUE, that take a server's durability away
// whatever its policy is.
func (a Assignments) Unsafe() (all []string) {
	for _, x := range a {
		name := strings.ToLower(strings.ReplaceAll(strings.TrimLeft(x.Name, "-"), "-", "_"))
		value := strings.ToLower(x.Value)
		switch value {
		case "0", "false", "no":
			value = "off"
		case "1", "true", "yes":
			value = "on"
		}
		if slices.Contains(unsafeSettings[name], value) {
			all = append(all, x.Name+"="+x.Value)
		}
	}
	return all
}
