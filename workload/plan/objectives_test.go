package plan

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// set gives o one value by the name of its setting.
func set(t *testing.T, o *Objectives, name, text string) error {
	t.Helper()
	for _, s := range o.Settings() {
		if s.Name == name {
			return s.Value.Set(text)
		}
	}
	t.Fatalf("no setting %q", name)
	return nil
}

// TestValues: what is legal is read and written back; all else is one clear line.
func TestValues(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"tps", "5000", "5000"}, {"tps", "5k", "5000"}, {"tps", "1.5M", "1500000"},
		{"p99", "10ms", "10ms"}, {"headroom", "30%", "30%"}, {"headroom", "0.3", "30%"}, {"headroom", "0%", "0%"},
		{"traffic-growth", "40%/y", "40%/y"}, {"traffic-growth", "-10%/y", "-10%/y"},
		{"max-loss", "power=1s, os=500,process=0", "process=0,os=500,power=1s"}, {"max-loss", "os=none", "os=0"},
		{"crashes", "process=4/y,os=0.5/y", "process=4/y,os=0.5/y"}, {"assume", "plp=yes,atomic=no", "atomic=no,plp=yes"},
		{"record-bytes", "4k", "4KiB"}, {"tbw", "600TB", "600TB"}, {"tbw", "1.2PB", "1200TB"}, {"dwpd", "0.3", "0.3"},
		{"tx-size", "3", "3"}, {"monthly-cost", "120.5", "120.5"}, {"replica-ack", "400us", "400µs"},
	} {
		o := &Objectives{}
		if err := set(t, o, c.name, c.in); err != nil {
			t.Errorf("%s %q: %v", c.name, c.in, err)
			continue
		}
		for _, s := range o.Settings() {
			if s.Name == c.name && s.Value.String() != c.want {
				t.Errorf("%s %q = %q; want %q", c.name, c.in, s.Value.String(), c.want)
			}
		}
	}
	for _, c := range []struct{ name, in, want string }{
		{"tps", "0", "legal are"}, {"tps", "-5", "legal are"}, {"tps", "many", "legal are"}, {"tps", "NaN", "legal are"}, {"tps", "1e30", "legal are"},
		{"p99", "10", "with a unit"}, {"p99", "-1ms", "positive"}, {"p99", "0s", "positive"},
		{"headroom", "-1%", "legal are"}, {"headroom", "NaN", "legal are"}, {"headroom", "lots", "legal are"},
		{"traffic-growth", "40%", "40%/y"}, {"traffic-growth", "-100%/y", "legal are"}, {"traffic-growth", "1e9%/y", "legal are"},
		{"max-loss", "kernel=1s", `there is no figure for "kernel"`}, {"max-loss", "os", "no value"}, {"max-loss", "os=1s,os=2s", "twice"},
		{"max-loss", "os=-1s", "must be 0"}, {"max-loss", "os=99h", "must be 0"}, {"max-loss", "os=-3", "commits"}, {"max-loss", "", "there is no figure"},
		{"crashes", "os=4", "a number a year"}, {"crashes", "os=-4/y", "a number a year"}, {"crashes", "disk=1/y", "there is no figure"},
		{"assume", "plp", "yes and no"}, {"assume", "luck=yes", "legal are"}, {"assume", "plp=yes,plp=no", "twice"},
		{"record-bytes", "0", "legal are"}, {"record-bytes", "2M", "legal are"}, {"record-bytes", "x", "size"},
		{"tbw", "0", "above 0"}, {"dwpd", "-1", "above 0"}, {"tx-size", "0", "whole number"}, {"monthly-cost", "free", "above 0"},
	} {
		err := set(t, &Objectives{}, c.name, c.in)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %q = %v; want one line with %q", c.name, c.in, err, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"p99: 10ms", "--tps is needed"},
		{"{tps: 5, p99: 10ms, p999: 5ms}", "contradict"},
		{"{tps: 5, max-loss: 'process=1s,os=0'}", "process=1s and os=0 contradict"},
		{"{tps: 5, max-loss: 'os=500,power=100'}", "contradict"},
		{"{tps: 5, headroom: '20000%'}", "beyond reason"},
		{"{tps: 5, p99: 1ns}", "beyond reason"},
		{"{tps: 5, replica-ack: 2h}", "beyond reason"},
		{"{tps: 5, tbw: 600, dwpd: 1}", "give one"},
		{"{tps: 5, recovery-time: 60s}", "needs checkpoint-age"},
		{"{tps: 5, max-loss: 'process=0,os=500,power=1s'}", ""},
		{"{tps: 5, p99: 5ms, p999: 10ms, checkpoint_age: 10m, recovery_time: 60s}", ""},
	} {
		o := &Objectives{}
		if err := o.Decode([]byte(c.yaml), nil); err != nil {
			t.Errorf("Decode(%q) = %v", c.yaml, err)
			continue
		}
		err := o.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("Validate(%q) = %v; want %q", c.yaml, err, c.want)
		}
	}
}

func TestDecode(t *testing.T) {
	o := &Objectives{TPS: 7}
	err := o.Decode([]byte("# objectives\ntps: 5k\np99: 10ms\nmax_loss: {process: 0, os: 1s}\ncrashes: [process=4/y, os=0.5/y]\n"), func(n string) bool { return n == "tps" })
	want := &Objectives{TPS: 7, P99: Duration(10 * time.Millisecond), MaxLoss: Losses{Process: {}, OS: {Age: time.Second}}, Crashes: Crashes{Process: 4, OS: 0.5}}
	if err != nil || !reflect.DeepEqual(o, want) {
		t.Errorf("Decode() = %+v, %v; want %+v", o, err, want)
	}
	for in, want := range map[string]string{
		"tsp: 5":                   `line 1: unknown key "tsp": did you mean "tps"?`,
		"p98: 10ms":                `did you mean "p99"?`,
		"head_rom: 1":              `did you mean "headroom"?`,
		"zzzzzzzzzzzz: 1":          "legal keys are tps, p99",
		"tps: 1\ntps: 2":           "line 2: tps is given twice",
		"- tps":                    `lines of "key: value"`,
		"tps: [[1]]":               "a list inside a list",
		"tps: {a: [1]}":            "a list inside a list",
		"tps: many":                "line 1: tps: rate",
		"\nmax-loss: {kernel: 1s}": `line 2: max-loss: there is no figure for "kernel"`,
		"tps: [1":                  "plan: yaml:",
	} {
		err := (&Objectives{}).Decode([]byte(in), nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Decode(%q) = %v; want one line with %q", in, err, want)
		}
	}
	for _, empty := range []string{"", "# nothing\n", "---\n"} {
		if err := (&Objectives{}).Decode([]byte(empty), nil); err != nil {
			t.Errorf("Decode(%q) = %v", empty, err)
		}
	}
	if err := (&Objectives{}).Decode(make([]byte, maxFileBytes+1), nil); err == nil {
		t.Error("Decode of a huge file = nil; want an error")
	}
}

// FuzzDecode: no file makes Decode or Validate panic, and an error is one line.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("tps: 5k\np99: 10ms\nmax-loss: {process: 0, os: 1s}\nheadroom: 30%\n"))
	f.Add([]byte("crashes: [process=4/y]\nassume: plp=yes\ntraffic-growth: 40%/y\ntbw: 600"))
	f.Add([]byte("a: &x [1]\nb: *x"))
	f.Fuzz(func(t *testing.T, in []byte) {
		o := &Objectives{}
		err := o.Decode(in, nil)
		if err == nil {
			err = o.Validate()
		}
		if err != nil {
			if strings.Contains(err.Error(), "\n") && !strings.Contains(string(in), "\n") {
				t.Fatalf("Decode(%q) = %q; want one line", in, err)
			}
			return
		}
		for _, s := range o.Settings() {
			if text := s.Value.String(); text == "" && s.Name == "tps" {
				t.Fatalf("Decode(%q): no rate", in)
			}
		}
	})
}
