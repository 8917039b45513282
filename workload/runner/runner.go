// Package runner measures a matrix of cells, on the embedded engine and on real
// servers, on a real disk: rounds interleaved in a seeded random order, each with the
// limit loop on the same files, every cell verified after it, the result saved
// before the first cell and after each one. What a cell measures is a subject; how
// servers become one is the business of its folder servers.
//
// It prints nothing: who wants to see progress hands in a Progress. Whatever
// stops a run half-way, the finished cells are in the result.
package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/runner/servers"
	"flushbench/workload/server"
	"flushbench/workload/workdir"
)

// Plan is what a run measures.
type Plan struct {
	Preset   string // default, quick, thorough or ""
	Specs    []Spec
	Rounds   int
	Seed     uint64
	Limit    time.Duration // of each limit loop; 0: none
	Floor    time.Duration // brings every flush up to this; 0: as the disk is
	Scenario any           // what the result keeps as the scenario
	// BinlogApart says that the binlog may get another disk than the redo log, and
	// so a limit loop of its own.
	BinlogApart bool
	// Calibrate measures for so long what rate AutoRate cells get; 0: none.
	Calibrate time.Duration
	// Adaptive decides round by round what is measured, at most Rounds times; nil:
	// every spec in every round.
	Adaptive Adaptive
	Kind     string // of the result; "": result.KindRun
	// FitTxnCPU measures first what CPU time Spec.TxnCPU of the engine's cells gets, so
	// that a transaction costs as much as on the first server.
	FitTxnCPU bool
	// CPULatency is how long an idle processor may take to wake while the plan is
	// carried out, limit loops and calibration included; 0: they poll, nil: the machine
	// is left as it is, and a resumed run takes what it had.
	CPULatency *time.Duration
	// BackgroundBytes is the size of each file of the I/O beside the cells; 0: beside's
	// default.
	BackgroundBytes int64
}

// Config is a run: the plan, where, and who is told.
type Config struct {
	Plan               Plan
	Base               string // folder whose disk is measured; "" is the current one
	LogBase            string // for the redo log; "": Base, as for the next two
	DataBase           string // for the pages
	BinlogBase         string //
	ResultsDir         string // where the result folder is made; "" is "results"
	Resume             string // a result folder to complete
	MaxWriteBytes      int64  // 0: no limit
	AllowVolatile      bool
	BesideLiveDatabase bool
	ToolVersion        string
	CommandLine        []string
	Name               string
	Progress           Progress
	// Board shows others what goes on; nil: nobody.
	Board *Board
	// Created, if not nil, is told the result's folder as soon as there is a result in
	// it, before anything is measured.
	Created func(folder string)
	// WrapFS puts a wrapper (injected errors) around the file system; tests only.
	WrapFS func(vfs.FS) vfs.FS

	// Servers are those that Specs name.
	Servers []servers.Server
	// StateDir is where the settings of servers are kept while the run changes them;
	// "": they are not kept, and lost when the run is killed.
	StateDir string

	// holdLatency takes the place of HoldCPULatency in tests.
	holdLatency func(time.Duration) (release func() error, err error)
	// idle takes the place of what hostinfo says of idle processors in tests.
	idle func() *result.CPUIdle

	serverPatience time.Duration // servers.Config.Patience

	catchUp time.Duration // how long the end of a cell waits for purge; 0: maxCatchUp
}

// Progress is told how far a run is. Calls come from one goroutine.
type Progress interface {
	// Planned comes once, before anything is written: the most bytes that
	// the run writes, and how long it takes.
	Planned(bytes int64, length time.Duration, folder string)
	// Step starts step i of n, 1 to n; left is the time to the end.
	Step(i, n int, what string, left time.Duration)
	// Note is a sentence for the user.
	Note(text string)
}

// run is the state of one run; one goroutine.
type run struct {
	cfg     Config
	plan    *Plan
	res     *result.Result
	folder  string // of the result
	saver   result.Saver
	folders folders
	dir     *workdir.Dir // the redo log's
	fs      vfs.FS
	devices []countedDevice // nil: their flushes are not counted
	whole   bool            // all calls go to devices
	sampler *hostinfo.Sampler

	seed      uint64
	cores     int
	started   int64 // clock.Now at Result.Started
	lastCalls vfs.Counts
	logs      map[string]*logDir
	made      int // folders of logs so far
	shouted   bool
	bounds    map[string][]boundSeen // by cell name
	neighbour neighbour
	// earlier is what the run that is resumed had written.
	earlier struct {
		bytes  int64
		result result.FlushCounts
	}
	step  int
	steps int
	left  time.Duration

	adaptive adaptive
	servers  *servers.Roster
	// releaseLatency gives back what Plan.CPULatency holds.
	releaseLatency func() error
	latencyChanged []result.Warning // the first time that another limit was seen; nil: none was
}

// Run carries out the plan. The result is also returned beside an error, as far
// as it came; its folder is "" when none was made. The error wraps
// context.Canceled when the run was interrupted, and is a *workdir.Refusal
// when it never began.
func Run(ctx context.Context, cfg Config) (res *result.Result, folder string, err error) {
	if len(cfg.Plan.Specs) == 0 || cfg.Plan.Rounds < 1 {
		return nil, "", errors.New("runner: nothing to measure: no cells or no rounds")
	}
	if cfg.Progress == nil {
		cfg.Progress = silent{}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors()))
	r := &run{cfg: cfg, plan: &cfg.Plan, seed: cfg.Plan.Seed, cores: runtime.NumCPU(), started: clock.Now(), logs: map[string]*logDir{}, bounds: map[string][]boundSeen{}, releaseLatency: func() error { return nil }}
	cfg.Board.begin(cmp.Or(cfg.Name, "run"))
	defer func() { cfg.Board.ends(endPhase(ctx, err), err) }()
	if err := r.holdLatency(r.plan.CPULatency); err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, r.releaseLatency()) }()
	if r.servers, err = r.newServers(); err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, r.servers.Close(ctx)) }()
	if err := r.servers.Connect(ctx); err != nil {
		return nil, "", err
	}
	if err := r.acquire(ctx); err != nil {
		return nil, "", err
	}
	defer func() {
		if released := r.folders.release(); err == nil {
			err = released // else it was joined already, or something else matters more
		}
		for _, n := range r.folders.notes() {
			cfg.Progress.Note(n)
		}
	}()
	if err := r.checkMethods(); err != nil {
		return nil, "", err
	}
	if err := r.servers.Start(ctx, r.dir.Tree); err != nil {
		return nil, "", errors.Join(err, r.servers.Close(ctx))
	}
	r.servers.Place(ctx, &r.dir.Facts.Env)
	if err := r.servers.Try(ctx); err != nil {
		return nil, "", errors.Join(err, r.servers.Close(ctx))
	}
	if err := r.prepare(); err != nil {
		return nil, "", errors.Join(err, r.servers.Close(ctx))
	}
	err = r.rounds(ctx)
	err = errors.Join(err, r.serversAtEnd(ctx, err))
	// What the run held on disk makes way first: the result may have to go to
	// the file system that it filled.
	err = errors.Join(err, r.folders.release())
	err = errors.Join(err, r.finish(ctx, err))
	return r.res, r.folder, err
}

// processors is how many goroutines run at a time: one more than there are
// processors, because the thread of the flush goroutine keeps its P for a
// while after it blocks in the kernel. GOMAXPROCS in the environment wins.
func processors() int {
	if os.Getenv("GOMAXPROCS") != "" {
		return runtime.GOMAXPROCS(0)
	}
	return runtime.NumCPU() + 1
}

// acquire gets the folder to work in and plans the bytes.
func (r *run) acquire(ctx context.Context) error {
	// Without a limit of the user's, what the run says beforehand is the limit.
	limit := r.cfg.MaxWriteBytes
	if limit == 0 {
		limit = r.plan.Bytes()
	}
	f, err := acquireFolders(ctx, &r.cfg, workdir.Options{
		Name: "run", Lower: r.plan.lower(), Clean: server.CleanUp, Neighbours: r.servers.Neighbours, MaxWriteBytes: limit, AllowVolatile: r.cfg.AllowVolatile, BesideLiveDatabase: r.cfg.BesideLiveDatabase,
	})
	if err != nil {
		return err
	}
	r.folders, r.dir = f, f.of[partRedo]
	r.fs = newFS(f.volumes)
	if r.plan.Floor > 0 {
		r.fs = vfs.NewSlow(r.fs, vfs.Latency{Floor: r.plan.Floor})
	}
	if r.cfg.WrapFS != nil {
		r.fs = r.cfg.WrapFS(r.fs)
	}
	if len(f.volumes) == 1 {
		f.volumes[0].fs = r.fs // as it is called
	}
	r.devices, r.whole = r.folders.counted(r.plan.parts()[partBinlog])
	r.sampler = hostinfo.NewSampler()
	return nil
}

// prepare makes the result and its folder, or takes up an earlier one.
func (r *run) prepare() error {
	if r.cfg.Resume != "" {
		if err := r.resume(); err != nil {
			return err
		}
	} else {
		r.fresh()
	}
	r.res.BytesPlanned = r.earlier.bytes + r.planBytes()
	r.steps, r.left = r.countSteps()
	r.cfg.Progress.Planned(r.res.BytesPlanned-r.earlier.bytes, r.left, r.folder)
	r.cfg.Board.plan(r.fs, r.plan.Rounds, r.steps, r.left)
	r.res.Environment.Servers = r.servers.Facts()
	if r.folder == "" {
		folder, err := r.saver.CreateFolder(r.resultsDir(), r.res)
		if err != nil {
			return err
		}
		r.folder = folder
	}
	if err := r.save(); err != nil {
		return err
	}
	if r.cfg.Created != nil {
		r.cfg.Created(r.folder)
	}
	return nil
}

func (r *run) resultsDir() string {
	if r.cfg.ResultsDir == "" {
		return "results"
	}
	return r.cfg.ResultsDir
}

// fresh starts a new result with all cells and no rounds.
func (r *run) fresh() {
	name := r.cfg.Name
	if name == "" {
		name = "run"
	}
	res := &result.Result{
		Schema: result.Version, Kind: cmp.Or(r.plan.Kind, result.KindRun), Name: name, ToolVersion: r.cfg.ToolVersion, CommandLine: r.cfg.CommandLine,
		Seed: r.plan.Seed, Started: time.Now().UTC(), Preset: r.plan.Preset, Environment: r.dir.Facts.Env,
	}
	res.Environment.Devices = r.folders.elsewhere()
	if r.cfg.idle != nil {
		res.Environment.CPU.Idle = r.cfg.idle()
	}
	NoteCPULatency(&res.Environment, r.plan.CPULatency)
	r.res = res
	for i := range r.plan.Specs {
		if r.plan.Adaptive == nil {
			r.addCell(&r.plan.Specs[i])
		}
	}
	if r.plan.Floor > 0 {
		res.Warnings = append(res.Warnings, result.Warning{Code: "flush-floor", Text: fmt.Sprintf("every flush was brought up to %v by flushbench", r.plan.Floor),
			Advice: "leave out --flush-floor to see the disk as it is"})
	}
	if err := res.SetScenario(r.plan.Scenario); err != nil {
		res.Warnings = append(res.Warnings, result.Warning{Code: "scenario", Text: err.Error()})
	}
}

// progress says that a step begins.
func (r *run) progress(what, phase string, length time.Duration) {
	r.step++
	r.cfg.Board.begins(boardStep{number: r.step, what: what, left: max(r.left, 0), length: length}, phase)
	r.cfg.Progress.Step(r.step, r.steps, what, max(r.left, 0))
	r.left -= length
}

// endPhase says how a run has ended that returns err.
func endPhase(ctx context.Context, err error) string {
	switch {
	case ctx.Err() != nil:
		return result.PhaseInterrupted
	case err != nil:
		return result.PhaseFailed
	}
	return result.PhaseFinished
}

// silent is a Progress that nobody sees.
type silent struct{}

func (silent) Planned(int64, time.Duration, string) {}
func (silent) Step(int, int, string, time.Duration) {}
func (silent) Note(string)                          {}
