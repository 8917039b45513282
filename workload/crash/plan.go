package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"flushbench/engine"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/subject"
	"flushbench/workload/params"
	"flushbench/workload/scenario"
)

// Limits and defaults of a matrix.
const (
	MaxTrials     = 10_000
	DefaultTrials = 10
	// ControlTrials is how often a control is crashed at the most: what is
	// broken on purpose shows at once.
	ControlTrials = 3
	// DefaultClients commit at the same time.
	DefaultClients = 8
	// DefaultCapacity is the log's: small enough to be made and recovered in no
	// time, and for a few seconds of load.
	DefaultCapacity = 32 << 20
	// DefaultRows are in the table of a workload with rows.
	DefaultRows = 10_000
	// DefaultMaxBinlog is the size of a binlog file.
	DefaultMaxBinlog = 64 << 20
	// DefaultFrozen is the share of the trials that stop the clients first.
	DefaultFrozen workload.Share = 0.5
)

// Matrix is what is asked for. The engine's axes are those of a scenario.
type Matrix struct {
	Scenario scenario.Scenario `json:"scenario"` // valid; its rates are not looked at
	// Workloads in place of the scenario's, each with all of its cells; none: that one.
	Workloads scenario.List[workload.Kind] `json:"workloads,omitempty"`
	Kinds     []vfs.CrashKind              `json:"kinds"`
	FS        []string                     `json:"fs"`               // ext4, xfs; of the kinds os and power
	Mkfs      []string                     `json:"mkfs"`             // options of mkfs beyond the defaults
	Mount     []string                     `json:"mount"`            // mount options beyond the defaults
	Trials    int                          `json:"trials"`           // of each cell, 1 to MaxTrials
	Frozen    workload.Share               `json:"frozen"`           // of the trials that stop the clients first
	Rate      scenario.Rate                `json:"rate"`             // commits a second for all cells; 0: closed loop, RateAuto: found by calibration
	Faults    scenario.List[subject.Fault] `json:"faults,omitempty"` // before each crash; none: NoFault
	Points    scenario.List[subject.Point] `json:"points,omitempty"` // of a commit, where crashes strike; none: Anywhere
	Device    string                       `json:"device"`           // for the kind os: a partition instead of an image
	Control   bool                         `json:"control"`          // run the controls that prove that the lab can see
	// Overwritten says of servers whether the blocks of the redo log were all written
	// before the load; empty: they were not.
	Overwritten scenario.List[scenario.Switch] `json:"server_log_overwritten,omitempty"`
	// TrialSeed above 0 runs one trial of the one cell with this seed of its own.
	TrialSeed uint64 `json:"trial_seed"`
}

// The controls: what is broken on purpose. Each must be caught.
const (
	ControlNone    = "none"        // flush method none: nothing is ever flushed
	ControlDirect  = "direct-none" // o_direct+none: written to the device, its cache never flushed
	ControlBarrier = "barrier=0"   // the file system leaves the device's cache alone
)

// Cell is one combination of crash kind, file system and setting.
type Cell struct {
	Name    string // unique in the plan
	Kind    vfs.CrashKind
	FS      string        // "" for the kind process: the folder's own
	Mkfs    []string      // beyond the defaults
	Mount   []string      // beyond the defaults
	Device  string        // a partition of the user's own; "": an image
	Control string        // one of the Control constants; "": no control
	Fault   subject.Fault // before each crash
	Point   subject.Point // where in a commit each crash strikes
	Trials  int

	Clients int
	Mode    workload.Mode
	Policy  groupcommit.Policy
	Style   groupcommit.Style
	Sizes   workload.Sizes // of workload log
	Engine  engine.Options // without FS, Dir and observers
	// Load says what the transactions do; its zero Kind is workload log. Then
	// Database counts too, whose Options are Engine.
	Load     workload.Spec
	Database engine.DatabaseOptions
	// Server is set when a server is crashed instead of the engine. Then Load, and the
	// commit interval in Engine, count, and nothing else of Engine and Database.
	Server *ServerSetting

	mostRate float64 // commits a second, at the most
}

// Transactional reports whether the cell runs on a database.
func (c *Cell) Transactional() bool { return c.Load.Kind.Transactional() }

// Plan is a matrix turned into cells.
type Plan struct {
	Matrix Matrix
	Cells  []Cell // controls last
	Seed   uint64 // orders the trials and draws their moments
}

// PlanOf turns a matrix into cells: the cross product of crash kinds, file
// systems and the scenario's cells, then the controls.
func PlanOf(m Matrix) (Plan, error) {
	p := Plan{Matrix: m, Seed: m.Scenario.Seed}
	for p.Seed == 0 {
		p.Seed = rand.Uint64() >> 11 // exact as a JSON number
	}
	var controls []Cell
	for _, one := range m.byWorkload() {
		if err := one.check(); err != nil {
			return Plan{}, err
		}
		p.Cells = append(p.Cells, m.named(one.product(), one.Scenario.Workload)...)
		if m.Control {
			controls = append(controls, m.named(one.controls(), one.Scenario.Workload)...)
		}
	}
	if m.TrialSeed != 0 && len(p.Cells) != 1 {
		return Plan{}, fmt.Errorf("crash: trial seed %d with %d cells: one trial is run again by naming one cell, such as --kinds os --fs ext4 --policy 2", m.TrialSeed, len(p.Cells))
	}
	p.Cells = append(p.Cells, controls...)
	for i := range p.Cells {
		if err := p.Cells[i].check(); err != nil {
			return Plan{}, err
		}
	}
	return p, nil
}

// product are the cells of one workload that are no controls.
func (m *Matrix) product() (out []Cell) {
	settings, _ := m.Scenario.Cells()
	for _, kind := range m.Kinds {
		for _, fs := range m.fileSystems(kind) {
			for _, s := range settings {
				for _, c := range m.cells(kind, fs, s) {
					for _, at := range m.atPoints(c) {
						out = append(out, m.withFaults(at)...)
					}
				}
			}
		}
	}
	return out
}

// byWorkload are the matrices of one workload each.
func (m *Matrix) byWorkload() []Matrix {
	if len(m.Workloads) == 0 {
		return []Matrix{*m}
	}
	out := make([]Matrix, len(m.Workloads))
	for i, w := range m.Workloads {
		out[i] = *m
		out[i].Scenario.Workload, out[i].Workloads = w, nil
	}
	return out
}

// named tells the cells of a workload from those of the others, if there are any.
func (m *Matrix) named(cells []Cell, w workload.Kind) []Cell {
	if len(m.Workloads) < 2 {
		return cells
	}
	for i := range cells {
		cells[i].Name += ",workload=" + w.String()
	}
	return cells
}

// check says what is wrong with the matrix.
func (m *Matrix) check() error {
	switch {
	case len(m.Kinds) == 0:
		return fmt.Errorf("crash: no crash kind: legal are %s", strings.Join(vfs.CrashKinds.Names(), ", "))
	case m.Trials < 1 || m.Trials > MaxTrials:
		return fmt.Errorf("crash: %d trials: must be 1 to %d", m.Trials, MaxTrials)
	case m.Rate.Auto() && m.Scenario.ThinkTime > 0 || m.Rate > 0 && m.Scenario.ThinkTime > 0:
		return fmt.Errorf("crash: rate %v with think-time %v: a schedule leaves no room for thinking; give --rate 0 with it", m.Rate, m.Scenario.ThinkTime)
	case m.Scenario.FlushFloor > 0:
		return fmt.Errorf("crash: flush-floor %v: a disk made slower is no subject of a crash; leave it out", m.Scenario.FlushFloor)
	case m.Scenario.Workload.Transactional() && slices.Contains(m.Scenario.Durability, engine.DurabilityForcePages):
		return fmt.Errorf("crash: durability %v has no log to judge; legal is %v", engine.DurabilityForcePages, engine.DurabilityRedo)
	}
	if m.Device != "" && (len(m.Kinds) != 1 || m.Kinds[0] != vfs.CrashOS || len(m.FS) != 1) {
		return fmt.Errorf("crash: device %s: a partition serves the kind os and one file system; give --kinds os --fs ext4", m.Device)
	}
	for _, mode := range m.Scenario.ClientMode {
		if mode == workload.Pipelined {
			return fmt.Errorf("crash: client mode %v: the ledger has a lane for each parked client; legal is %v", mode, workload.Parked)
		}
	}
	if err := lab.CheckOptions(m.Mkfs, m.Mount); err != nil {
		return err
	}
	if err := m.checkPoints(); err != nil {
		return err
	}
	if err := m.checkFaults(); err != nil {
		return err
	}
	if err := m.checkServers(); err != nil {
		return err
	}
	return m.Frozen.Validate()
}

// fileSystems are those that a crash of the kind is tried on.
func (m *Matrix) fileSystems(kind vfs.CrashKind) []string {
	if kind == vfs.CrashProcess {
		return []string{""}
	}
	return m.FS
}

// cells are those of one crash kind, file system and setting: one, or with a
// server one for each way in which it writes its log.
func (m *Matrix) cells(kind vfs.CrashKind, fs string, s scenario.Cell) []Cell {
	c := m.cell(kind, fs, s)
	if s.Target.Engine() {
		return []Cell{c}
	}
	return m.onServers(c, s)
}

// cell is one cell of the cross product.
func (m *Matrix) cell(kind vfs.CrashKind, fs string, s scenario.Cell) Cell {
	c := m.setting(s)
	c.Kind, c.FS, c.Trials = kind, fs, m.Trials
	c.Name = kind.String()
	if kind != vfs.CrashProcess {
		c.Name += ",fs=" + fs
		c.Mkfs, c.Mount, c.Device = m.Mkfs, m.Mount, m.Device
	}
	c.Name += "," + s.Name
	if m.TrialSeed != 0 {
		c.Trials = 1
	}
	return c
}

// setting is a cell without its crash.
func (m *Matrix) setting(s scenario.Cell) Cell {
	sc := &m.Scenario
	c := Cell{Clients: s.Clients, Mode: s.Mode, Policy: s.Policy, Style: sc.Policy0Style, Sizes: s.RecordBytes, Engine: sc.EngineOptions(s)}
	switch c.mostRate = float64(m.Rate); {
	case m.Rate.Auto():
		c.mostRate = mostPaced
	case m.Rate == 0:
		c.mostRate = mostClosed
	}
	if sc.Workload.Transactional() {
		c.Load, c.Database = sc.Txns(s), sc.DatabaseOptions(s)
		c.Database.Options = c.Engine
		c.Database.Rows, c.Database.RowBytes = c.Load.Rows, table.MinRowBytes+c.Load.RowBytes
	}
	return c
}

// controls are the settings that must lose something, on every file system.
func (m *Matrix) controls() []Cell {
	var out []Cell
	cells, _ := m.Scenario.Cells()
	for _, t := range m.Scenario.Targets() {
		i := slices.IndexFunc(cells, func(c scenario.Cell) bool { return c.Target.String() == t.String() })
		switch {
		case i < 0: // nothing of it can be had
		case t.Engine():
			out = append(out, m.engineControls(cells[i])...)
		default:
			out = append(out, m.serverControls(cells[i])...)
		}
	}
	return out
}

// engineControls are those of the engine, with what else a cell has.
func (m *Matrix) engineControls(s scenario.Cell) []Cell {
	var out []Cell
	add := func(kind vfs.CrashKind, fs, control string, method vfs.Method, mount ...string) {
		s.Policy, s.Method, s.SyncBinlog, s.Protocol, s.Doublewrite = groupcommit.Policy1, method, 1, groupcommit.TwoPhase, true
		c := m.setting(s)
		c.Kind, c.FS, c.Device, c.Control = kind, fs, m.Device, control
		c.Mkfs, c.Mount = m.Mkfs, append(append([]string(nil), m.Mount...), mount...)
		c.Trials = min(m.Trials, ControlTrials)
		c.Name = fmt.Sprintf("control=%s,%v,fs=%s", control, kind, fs)
		out = append(out, c)
	}
	for _, kind := range m.Kinds {
		if kind == vfs.CrashProcess {
			continue // a process crash takes nothing that was written: there is nothing to break
		}
		for _, fs := range m.FS {
			add(kind, fs, ControlNone, vfs.None)
			if kind != vfs.CrashPower {
				continue
			}
			add(kind, fs, ControlDirect, vfs.DirectNone)
			if fs == "ext4" {
				add(kind, fs, ControlBarrier, vfs.Fdatasync, "barrier=0")
			}
		}
	}
	return out
}

// check says what the engine would not accept.
func (c *Cell) check() error {
	o := c.Engine
	if err := o.Validate(); err != nil {
		return err
	}
	if c.Transactional() {
		d := c.Database
		return d.Validate()
	}
	if size := c.Sizes.Max(); size > o.MaxRecord() {
		return fmt.Errorf("crash: record of %d bytes: must be at most %d (half the log buffer, an eighth of the log capacity)", size, o.MaxRecord())
	}
	return nil
}

// interval is the time between the timer flushes of policies 0 and 2.
func (c *Cell) interval() time.Duration { return c.Engine.Commit.FlushInterval() }

// bytes is what the cell holds on its disk at the most, roughly: the log; the
// table, its undo and its doublewrite file, as far as they grow until the files
// are made anew; the binlog of one trial.
func (c *Cell) bytes() int64 {
	if c.Server != nil {
		return c.serverBytes()
	}
	n := c.Engine.Capacity + 8<<20
	if !c.Transactional() {
		return n
	}
	trial := c.mostRate * (2*c.interval() + 2*time.Second).Seconds() // transactions
	rows := float64(max(2, c.Load.RowsPerTxn))
	change := rows * float64(c.Load.RowBytes+128)
	n += 4*int64(c.Load.Rows)*int64(c.Load.RowBytes+128) + 32<<20
	n += int64(trial * 2 * change) // the binlog has a row before and after
	if c.Database.Binlog.Growth != vfs.GrowAppend {
		n += c.Database.Binlog.MaxSize // beforehand
	}
	if c.Load.Kind == workload.KindInsert {
		n += int64(renewEvery * trial * change)
	}
	return n
}

// What a load of transactions commits a second at the most.
const (
	mostPaced  = mostRate
	mostClosed = 40_000
)

// params returns the axes as the result names them; rate is that of the load.
func (c *Cell) params(rate float64) result.Params {
	p := params.Of(&c.Engine, &c.Database, &c.Load, c.Sizes)
	if c.Server != nil {
		p = c.serverParams(p)
	}
	p.Load, p.Clients, p.ClientMode, p.Rate = result.LoadClosed, c.Clients, c.Mode.String(), rate
	if rate > 0 {
		p.Load = result.LoadPaced
	}
	return p
}
