package runner

import (
	"cmp"
	"math/rand/v2"
	"time"

	"flushbench/engine"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/runner/servers"
	"flushbench/workload/scenario"
)

// PlanOf turns a validated scenario into what is measured: the default run's
// two sections, or the matrix that was asked for.
func PlanOf(s *scenario.Scenario) Plan {
	p := Plan{Preset: s.Preset.String(), Seed: s.Seed, Floor: s.FlushFloor, CPULatency: s.CPULatency, Scenario: s}
	p.BinlogApart = cmp.Or(s.BinlogDir, s.Dir) != cmp.Or(s.LogDir, s.Dir)
	for p.Seed == 0 {
		p.Seed = rand.Uint64() >> 11 // exact as a JSON number
	}
	if s.Matrix() {
		p.Preset = ""
		matrix(&p, s)
	} else {
		standard(&p, s)
	}
	return p
}

// times is how the standard run spends its time in each round.
type times struct {
	rounds      int
	limit       time.Duration
	warm, speed time.Duration // SPEED, policy 1
	fast        time.Duration // SPEED, policies 0 and 2
	riskWarm    time.Duration
	risk1       time.Duration // RISK, policy 1
	intervals   float64       // RISK, policies 0 and 2, in flush intervals
	calibrate   time.Duration
}

var standardTimes = map[scenario.Preset]times{
	scenario.PresetDefault: {rounds: 5, limit: 500 * time.Millisecond, warm: 200 * time.Millisecond, speed: 600 * time.Millisecond, fast: time.Second,
		riskWarm: 100 * time.Millisecond, risk1: time.Second, intervals: 3.3, calibrate: time.Second},
	scenario.PresetQuick: {rounds: 1, limit: 500 * time.Millisecond, warm: 200 * time.Millisecond, speed: 600 * time.Millisecond, fast: time.Second,
		riskWarm: 100 * time.Millisecond, risk1: time.Second, intervals: 3.3, calibrate: time.Second},
	scenario.PresetThorough: {rounds: 10, limit: 2 * time.Second, warm: time.Second, speed: 5 * time.Second, fast: 3 * time.Second,
		riskWarm: 500 * time.Millisecond, risk1: 5 * time.Second, intervals: 10, calibrate: 3 * time.Second},
}

const riskClients = 8

// standard is the default run: SPEED in a closed loop, and RISK at one rate
// for all policies.
func standard(p *Plan, s *scenario.Scenario) {
	t := standardTimes[s.Preset]
	if s.Rounds > 0 {
		t.rounds = s.Rounds
	}
	if s.Warmup >= 0 {
		t.warm, t.riskWarm = s.Warmup, s.Warmup
	}
	if s.Duration > 0 {
		t.speed, t.fast, t.risk1 = s.Duration, s.Duration, s.Duration
		t.intervals = max(t.intervals, s.Duration.Seconds()/s.Window().Seconds())
	}
	p.Rounds, p.Limit, p.Calibrate = t.rounds, t.limit, t.calibrate
	base := func(c scenario.Cell, section, name string) Spec {
		c.Method, c.Growth, c.LogBuffer, c.BufferSize, c.Capacity = s.FlushMethod[0], s.Growth[0], s.LogBuffer[0], s.LogBufferSize[0], s.LogCapacity[0]
		return Spec{Name: name, Section: section, Engine: s.EngineOptions(c), Clients: c.Clients, Sizes: s.RecordBytes[0], TxnCPU: s.TxnCPU, Warmup: t.warm, TimeOneIn: s.TimeOneIn}
	}
	for _, clients := range []int{1, 8, 64} {
		for _, delay := range []groupcommit.Delay{{}, {Adaptive: true}} {
			if clients == 1 && delay.Adaptive {
				continue // nobody to gather
			}
			c := scenario.Cell{Policy: groupcommit.Policy1, Clients: clients, GroupDelay: delay}
			x := base(c, result.SectionSpeed, "speed,policy=1,clients="+itoa(clients)+",delay="+delay.String())
			x.Duration, x.Track = t.speed, true
			p.Specs = append(p.Specs, x)
		}
	}
	for _, policy := range []groupcommit.Policy{groupcommit.Policy2, groupcommit.Policy0} {
		x := base(scenario.Cell{Policy: policy, Clients: 64}, result.SectionSpeed, "speed,policy="+policy.String()+",clients=64")
		x.Duration = t.fast
		p.Specs = append(p.Specs, x)
	}
	for _, policy := range scenario.Default().Policy {
		x := base(scenario.Cell{Policy: policy, Clients: riskClients}, result.SectionRisk, "risk,policy="+policy.String())
		x.Duration, x.Warmup, x.AutoRate, x.Track = t.risk1, t.riskWarm, true, true
		x.LatencyLimit, x.MaxBacklog = s.LatencyLimit, s.MaxBacklog
		if !policy.Flushes() {
			x.Duration = time.Duration(t.intervals * float64(s.Window()))
		}
		p.Specs = append(p.Specs, x)
	}
}

// matrix is the user's own cross product.
func matrix(p *Plan, s *scenario.Scenario) {
	t := s.Timing()
	cells, _ := s.Cells()
	p.Rounds, p.Limit = t.Rounds, 500*time.Millisecond
	p.FitTxnCPU = s.TxnCPU == scenario.TxnCPUAuto
	for _, c := range cells {
		x := Spec{
			Name: c.Name, Engine: s.EngineOptions(c), Clients: c.Clients, Mode: c.Mode, Think: s.ThinkTime, TxnCPU: max(s.TxnCPU, 0),
			Sizes: c.RecordBytes, Background: c.Background, Warmup: c.Warmup, Duration: c.Duration, TimeOneIn: s.TimeOneIn,
		}
		if s.Workload.Transactional() {
			x.Load, x.Database, x.LongView = s.Txns(c), s.DatabaseOptions(c), c.LongView
		}
		if !c.Target.Engine() {
			x.Asked = servers.Asked{Server: s.Label(c), Pair: s.Pair(c), Product: c.Target.Private, Away: c.Target.Private == 0 && !c.Target.Address.Local()}
			if c.Buffering != scenario.BufferingOwn {
				x.Asked.Buffering = c.Buffering.String()
			}
			x.TxnCPU, x.Database.Binlog.Enabled = 0, x.Asked.Pair.SyncBinlog >= 0
		}
		if c.Rate.Paced() {
			x.Arrival, x.LatencyLimit, x.MaxBacklog = c.Arrival, s.LatencyLimit, s.MaxBacklog
			x.Section = result.SectionRisk
			x.AutoRate = c.Rate.Auto()
			if !x.AutoRate {
				x.Rate = float64(c.Rate)
			} else {
				p.Calibrate = time.Second
			}
		}
		// In a closed loop policies 0 and 2 fill the log buffer long before an
		// interval is over: there is no loss window to read.
		x.Track = (c.Rate.Paced() || c.Policy.Flushes()) && c.Target.Engine()
		p.Specs = append(p.Specs, x)
	}
}

// Check says what the engine would not accept, before anything is written.
func (p *Plan) Check() error {
	for i := range p.Specs {
		if p.Specs[i].onServer() {
			continue
		}
		o := p.Specs[i].Engine
		if err := o.Validate(); err != nil {
			return err
		}
		if s := &p.Specs[i]; s.transactional() {
			if err := s.checkDatabase(); err != nil {
				return err
			}
			continue
		}
		if size := p.Specs[i].Sizes.Max(); size > o.MaxRecord() {
			return errTooLarge(size, &o)
		}
	}
	return nil
}

func errTooLarge(size int, o *engine.Options) error {
	return &tooLarge{size, o.MaxRecord()}
}
