package scenario

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"flushbench/engine"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
)

// parse reads a command line over the default scenario.
func parse(t *testing.T, args ...string) (Scenario, error) {
	t.Helper()
	s := Default()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	s.AddFlags(fs)
	return s, fs.Parse(args)
}

func TestDefaultIsValid(t *testing.T) {
	s := Default()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	if s.Matrix() {
		t.Error("Default().Matrix() = true; want the default run")
	}
}

func TestNoFlagsChangeNothing(t *testing.T) {
	s, err := parse(t)
	if err != nil || !reflect.DeepEqual(s, Default()) {
		t.Errorf("no flags gave %+v, %v; want the default", s, err)
	}
}

// TestOneTable holds that flags, YAML keys, struct tags and JSON cover the same
// settings.
func TestOneTable(t *testing.T) {
	s := Default()
	table := map[string]bool{}
	for _, f := range s.fields() {
		if table[f.name] {
			t.Errorf("%s stands in the table twice", f.name)
		}
		table[f.name] = true
		if f.heading == "" || f.usage == "" || strings.HasSuffix(f.usage, ".") {
			t.Errorf("%s: heading %q, usage %q: both are needed, no full stop", f.name, f.heading, f.usage)
		}
		if strings.Count(f.usage, "`") != 2 {
			t.Errorf("%s: usage %q must name its value in back quotes", f.name, f.usage)
		}
	}
	typ := reflect.TypeFor[Scenario]()
	for i := range typ.NumField() {
		if !typ.Field(i).IsExported() {
			continue // no setting
		}
		tag := typ.Field(i).Tag.Get("yaml")
		if tag != "-" && !table[tag] {
			t.Errorf("field %s has the YAML key %q, which is no setting", typ.Field(i).Name, tag)
		}
		delete(table, tag)
		if j := typ.Field(i).Tag.Get("json"); !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(j) {
			t.Errorf("field %s has the JSON key %q", typ.Field(i).Name, j)
		}
		if typ.Field(i).Type == reflect.TypeFor[time.Duration]() && !strings.HasSuffix(typ.Field(i).Tag.Get("json"), "_ns") {
			t.Errorf("field %s: a duration's JSON key ends in _ns", typ.Field(i).Name)
		}
	}
	for name := range table {
		t.Errorf("setting %s has no field in Scenario", name)
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args  string
		field func(*Scenario) any
		want  any
	}{
		{"--policy 0,2", func(s *Scenario) any { return s.Policy }, List[groupcommit.Policy]{0, 2}},
		{"--innodb-flush-log-at-trx-commit=1", func(s *Scenario) any { return s.Policy }, List[groupcommit.Policy]{1}},
		{"--policy0-style continuous", func(s *Scenario) any { return s.Policy0Style }, groupcommit.Continuous},
		{"--flush-method fsync,o_direct+o_dsync", func(s *Scenario) any { return s.FlushMethod }, List[vfs.Method]{vfs.Fsync, vfs.DirectODsync}},
		{"--method open_datasync", func(s *Scenario) any { return s.FlushMethod }, List[vfs.Method]{vfs.ODsync}},
		{"--growth append", func(s *Scenario) any { return s.Growth }, List[vfs.Growth]{vfs.GrowAppend}},
		{"--flush-interval 100ms", func(s *Scenario) any { return s.FlushInterval }, 100 * time.Millisecond},
		{"--flush-floor 100us", func(s *Scenario) any { return s.FlushFloor }, 100 * time.Microsecond},
		{"--log-buffer mutex,lockfree", func(s *Scenario) any { return s.LogBuffer }, List[redo.BufferKind]{redo.Mutex, redo.LockFree}},
		{"--flush-interval off", func(s *Scenario) any { return s.FlushInterval }, IntervalOff},
		{"--flush-interval OFF", func(s *Scenario) any { return s.TimerOff() }, true},
		{"--log-buffer-size 1M", func(s *Scenario) any { return s.LogBufferSize }, List[Size]{1 << 20}},
		{"--log-capacity 1GiB,64M", func(s *Scenario) any { return s.LogCapacity }, List[Size]{1 << 30, 64 << 20}},
		{"--buffer-pool 8M,16M", func(s *Scenario) any { return s.BufferPool }, List[Size]{8 << 20, 16 << 20}},
		{"--doublewrite on,off", func(s *Scenario) any { return s.Doublewrite }, List[Switch]{true, false}},
		{"--durability force-pages,redo", func(s *Scenario) any { return s.Durability }, List[engine.Durability]{engine.DurabilityForcePages, engine.DurabilityRedo}},
		{"--commit-protocol binlog-first,2pc", func(s *Scenario) any { return s.CommitProtocol }, List[groupcommit.Protocol]{groupcommit.BinlogFirst, groupcommit.TwoPhase}},
		{"--log-files 2", func(s *Scenario) any { return s.LogFiles }, 2},
		{"--tail pad", func(s *Scenario) any { return s.Tail }, redo.TailPad},
		{"--checkpoint-distance 1M", func(s *Scenario) any { return s.CheckpointDistance }, Size(1 << 20)},
		{"--group-commit leader", func(s *Scenario) any { return s.GroupCommit }, List[groupcommit.Strategy]{groupcommit.Leader}},
		{"--group-delay off,adaptive,50us", func(s *Scenario) any { return s.GroupDelay }, List[groupcommit.Delay]{{}, {Adaptive: true}, {Fixed: 50 * time.Microsecond}}},
		{"--group-count 8", func(s *Scenario) any { return s.GroupCount }, 8},
		{"--clients 1,8", func(s *Scenario) any { return s.Clients }, List[int]{1, 8}},
		{"--threads 4", func(s *Scenario) any { return s.Clients }, List[int]{4}},
		{"--client-mode pipelined", func(s *Scenario) any { return s.ClientMode }, List[workload.Mode]{workload.Pipelined}},
		{"--rate 0,2.6k", func(s *Scenario) any { return s.Rate }, List[Rate]{0, 2600}},
		{"--rate auto", func(s *Scenario) any { return s.Rate }, List[Rate]{RateAuto}},
		{"--duration 3s", func(s *Scenario) any { return s.Duration }, 3 * time.Second},
		{"--time 3s", func(s *Scenario) any { return s.Duration }, 3 * time.Second},
		{"--warmup 0", func(s *Scenario) any { return s.Warmup }, time.Duration(0)},
		{"--warmup auto", func(s *Scenario) any { return s.Warmup }, WarmupByPreset},
		{"--rounds 7", func(s *Scenario) any { return s.Rounds }, 7},
		{"--seed 0x10", func(s *Scenario) any { return s.Seed }, uint64(16)},
		{"--record-bytes 128,uniform:64-512,lognormal:1k,0.8,4k", func(s *Scenario) any { return s.RecordBytes.String() }, "128,uniform:64-512,lognormal:1024,0.8,4096"},
		{"--think-time 1ms", func(s *Scenario) any { return s.ThinkTime }, time.Millisecond},
		{"--txn-cpu 20us", func(s *Scenario) any { return s.TxnCPU }, 20 * time.Microsecond},
		{"--workload log", func(s *Scenario) any { return s.Workload }, KindLog},
		{"--cpu-latency 0", func(s *Scenario) any { return *s.CPULatency }, time.Duration(0)},
		{"--cpu-latency 20.6us", func(s *Scenario) any { return *s.CPULatency }, 21 * time.Microsecond},
		{"--cpu-latency 20us --cpu-latency OFF", func(s *Scenario) any { return s.CPULatency == nil }, true},
		{"--clients 1", func(s *Scenario) any { return s.CPULatency == nil }, true},
		{"--dir /x --log-dir /y", func(s *Scenario) any { return s.Dir + s.LogDir }, "/x/y"},
		{"--max-write-bytes 10G", func(s *Scenario) any { return s.MaxWriteBytes }, Size(10 << 30)},
		{"--quick", func(s *Scenario) any { return s.Preset }, PresetQuick},
		{"--thorough", func(s *Scenario) any { return s.Preset }, PresetThorough},
		{"--quick=false", func(s *Scenario) any { return s.Preset }, PresetDefault},
	} {
		s, err := parse(t, strings.Fields(c.args)...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		if got := c.field(&s); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s = %v; want %v", c.args, got, c.want)
		}
	}
}

func TestMatrix(t *testing.T) {
	for args, want := range map[string]bool{
		"":                            false,
		"--quick":                     false,
		"--flush-method fsync":        false,
		"--record-bytes 512":          false,
		"--duration 2s":               false,
		"--rate auto":                 false,
		"--policy 1":                  true,
		"--clients 8":                 true,
		"--rate 1000":                 true,
		"--rate 0":                    true,
		"--think-time 1ms":            true,
		"--group-delay adaptive":      true,
		"--flush-method o_sync,fsync": true,
		"--record-bytes 128,256":      true,
	} {
		s, err := parse(t, strings.Fields(args)...)
		if err != nil || s.Matrix() != want {
			t.Errorf("%q: Matrix() = %v, %v; want %v", args, s.Matrix(), err, want)
		}
	}
}

func TestBadFlags(t *testing.T) {
	for args, want := range map[string]string{
		"--policy 7":                     "legal values are 1, 2, 0",
		"--policy 1,,2":                  "empty value",
		"--policy=":                      "empty value",
		"--flush-method direct_io":       "unknown flush method",
		"--growth sparse":                "legal values are zero, fallocate, append",
		"--log-buffer-size 16Q":          "unknown unit",
		"--log-capacity -1":              "must not be negative",
		"--clients eight":                "no whole number",
		"--clients 1.5":                  "no whole number",
		"--rate -1":                      "legal are 0",
		"--flush-interval 1":             "number with a unit",
		"--flush-interval -1s":           "must not be negative",
		"--group-delay soon":             "off, adaptive",
		"--group-delay 2s":               "up to 1s",
		"--record-bytes 0":               "record of 0 bytes",
		"--record-bytes uniform:9-1":     "uniform:9-1",
		"--seed -1":                      "64 bits",
		"--quick --thorough":             "exclude each other",
		"--workload banks":               "legal values are log, bank",
		"--clients 99999999999999999999": "no whole number",
	} {
		_, err := parse(t, strings.Fields(args)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v; want one with %q", args, err, want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		args string
		want string // "": valid
	}{
		{"--clients 4194304 --policy 1", "clients 4194304 with client-mode parked: each is a goroutine, at most 65536 are legal; use --client-mode pipelined"},
		{"--clients 4194304 --policy 1 --client-mode pipelined", ""},
		{"--clients 1000000 --client-mode pipelined --rate 20k --arrival poisson", ""},
		{"--clients 0", "clients 0: must be 1 to 4194304"},
		{"--clients -1", "clients -1: must be 1 to 4194304"},
		{"--clients 8,8", "clients: 8 stands in the list twice"},
		{"--policy 1,1", "policy: 1 stands in the list twice"},
		{"--rate 5,5.0", "rate: 5 stands in the list twice"},
		{"--log-buffer-size 32k", "log-buffer-size 32KiB: must be 64KiB to 1GiB"},
		{"--log-buffer-size 3M", "must be a power of two, such as 2MiB or 4MiB"},
		{"--log-capacity 100", "it is smaller than one record (256)"},
		{"--log-capacity 100k", "log-capacity 100KiB: must be 256KiB"},
		{"--log-capacity 256k --log-files 8", "log-capacity 256KiB in 8 files: each file must have at least 48KiB"},
		{"--log-capacity 384k --log-files 8", ""},
		{"--log-files 0", "log-files 0: must be 1 to 128"},
		{"--log-capacity 1M --record-bytes 256k", "the log must hold 8 of the largest record (256KiB), so at least 2MiB"},
		{"--log-buffer-size 64k --record-bytes 40k", "the buffer must hold 2 of the largest record"},
		{"--checkpoint-distance 400M", "checkpoint-distance 400MiB: must be 0 (default) to 384MiB"},
		{"--flush-interval 10us", "flush-interval 10µs: must be 1ms to 45m0s"},
		{"--flush-floor 11s", "flush-floor 11s: must be 0s to 10s"},
		{"--cpu-latency 2001s", "cpu-latency 33m21s: must be 0s to 33m20s, or off"},
		{"--group-count -1", "group-count -1: must be 0"},
		{"--think-time 2m", "think-time 2m0s: must be"},
		{"--rate 100 --think-time 1ms", "a schedule leaves no room for thinking"},
		{"--rate auto --policy 1", "only the default run finds a rate"},
		{"--rounds 1001", "rounds 1001: must be 1 to 1000"},
		{"--rounds -1", "rounds -1"},
		{"--duration 1ms", "duration 1ms: must be 10ms"},
		{"--warmup 25h", "warmup 25h0m0s"},
		{"--dir=", "dir: is empty"},
		{"--client-mode pipelined --rate 100", ""},
		{"--client-mode pipelined --think-time 1ms", "no cell is left: pipelined clients have no think time"},
		{"--latency-limit 10ms", "latency-limit 10ms without a rate: in a closed loop nothing has a time to be late for; add --rate"},
		{"--latency-limit 10ms --rate 0", "latency-limit 10ms without a rate"},
		{"--latency-limit 10ms --rate 0,100", ""},
		{"--latency-limit 48h --rate 100", "latency-limit 48h0m0s: must be 0 (none) to 24h0m0s"},
		{"--max-backlog 10", "max-backlog 10 without a rate: a closed loop has no backlog"},
		{"--max-backlog -1 --rate 100", "max-backlog -1: must be 1 or more"},
		{"--arrival poisson", "arrival poisson without a rate: in a closed loop clients come when they are done"},
		{"--arrival constant,poisson --rate 100", ""},
		{"--arrival poisson,exponential --rate 100", "arrival: poisson stands in the list twice"},
		{"--client-mode pipelined,parked --rate 100", ""},
		{"--client-mode pipelined --clients 4096", ""},
		{"--quick --flush-method none,o_direct+none", ""},
	} {
		s, err := parse(t, strings.Fields(c.args)...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		err = s.Validate()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: Validate() = %v; want nil", c.args, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: Validate() = %v; want %q", c.args, err, c.want)
		case err != nil && (strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "scenario: ")):
			t.Errorf("%s: Validate() = %q; want one line that begins with the package", c.args, err)
		}
	}
}

func TestValidateOfLibraryValues(t *testing.T) {
	for name, change := range map[string]func(*Scenario){
		"empty list":     func(s *Scenario) { s.Policy = nil },
		"illegal method": func(s *Scenario) { s.FlushMethod = List[vfs.Method]{99} },
		"illegal preset": func(s *Scenario) { s.Preset = 9 },
		"negative size":  func(s *Scenario) { s.MaxWriteBytes = -1 },
		"negative rate":  func(s *Scenario) { s.Rate = List[Rate]{-3} },
		"record of 0":    func(s *Scenario) { s.RecordBytes = List[workload.Sizes]{{Lo: -1}} },
		"huge delay":     func(s *Scenario) { s.GroupDelay = List[groupcommit.Delay]{{Fixed: time.Hour}} },
	} {
		s := Default()
		change(&s)
		if err := s.Validate(); err == nil {
			t.Errorf("%s: Validate() = nil; want an error", name)
		}
	}
}

func TestScenarioJSON(t *testing.T) {
	s, err := parse(t, "--policy", "1,2", "--flush-interval", "2s", "--record-bytes", "lognormal:256,0.5", "--rate", "auto")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"policy":["1","2"]`, `"flush_interval_ns":2000000000`, `"log_capacity_bytes":[536870912]`, `"rate":["auto"]`, `"group_delay":["off"]`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("json lacks %s: %s", want, b)
		}
	}
	var back Scenario
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("json back = %+v, %v; want %+v", back, err, s)
	}
	// As it was written when these were no lists.
	old := `{"log_capacity_bytes": 8388608, "log_buffer_bytes": "1M", "doublewrite": "off", "durability": "redo", "clients": null}`
	back = Default()
	if err := json.Unmarshal([]byte(old), &back); err != nil || back.LogCapacity.String() != "8MiB" || back.LogBufferSize.String() != "1MiB" ||
		back.Doublewrite.String() != "off" || back.Durability.String() != "redo" || back.Clients != nil {
		t.Errorf("values alone: %v: %v %v %v %v %v", err, back.LogCapacity, back.LogBufferSize, back.Doublewrite, back.Durability, back.Clients)
	}
}
