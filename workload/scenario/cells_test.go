package scenario

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"flushbench/engine"
)

func names(cells []Cell) []string {
	var all []string
	for _, c := range cells {
		all = append(all, c.Name)
	}
	return all
}

func TestCells(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--policy 1 --clients 8", []string{"policy=1,clients=8"}},
		{"--policy 3,1 --clients 8 --group-commit dedicated,serial", []string{
			"policy=3,clients=8,group=dedicated", "policy=3,clients=8,group=serial", "policy=1,clients=8,group=dedicated", "policy=1,clients=8,group=serial"}},
		{"--policy 1,2 --clients 1,8", []string{"policy=1,clients=1", "policy=1,clients=8", "policy=2,clients=1", "policy=2,clients=8"}},
		{"--policy 2,1 --clients 8 --group-delay off,adaptive", []string{
			"policy=2,clients=8", "policy=1,clients=8,delay=off", "policy=1,clients=8,delay=adaptive",
		}},
		{"--policy 1,0 --clients 8 --group-commit dedicated,serial --group-delay off,50us", []string{
			"policy=1,clients=8,group=dedicated,delay=off", "policy=1,clients=8,group=dedicated,delay=50µs",
			"policy=1,clients=8,group=serial,delay=off", "policy=0,clients=8",
		}},
		{"--policy 1 --clients 4 --client-mode parked,pipelined --rate 0,100", []string{
			"policy=1,clients=4,rate=0,mode=parked", "policy=1,clients=4,rate=100,mode=parked",
			"policy=1,clients=4,rate=0,mode=pipelined", "policy=1,clients=4,rate=100,mode=pipelined",
		}},
		{"--policy 1 --clients 4 --rate 0,1k..3k/2 --arrival constant,bursty:burst=9,peak=2", []string{
			"policy=1,clients=4,rate=0", "policy=1,clients=4,rate=1000,arrival=constant", "policy=1,clients=4,rate=3000,arrival=constant",
			"policy=1,clients=4,rate=1000,arrival=bursty:burst=9;peak=2", "policy=1,clients=4,rate=3000,arrival=bursty:burst=9;peak=2",
		}},
		{"--policy 1 --clients 4 --record-bytes 256,lognormal:256,0.8", []string{
			"policy=1,clients=4,record=256", "policy=1,clients=4,record=lognormal:256;0.8",
		}},
		{"--workload bank --policy 1 --clients 8 --sync-binlog 1,100 --group-delay off,adaptive", []string{
			"policy=1,clients=8,delay=off,sync_binlog=1", "policy=1,clients=8,delay=off,sync_binlog=100",
			"policy=1,clients=8,delay=adaptive,sync_binlog=1", "policy=1,clients=8,delay=adaptive,sync_binlog=100",
		}},
	} {
		s, err := parse(t, strings.Fields(c.args)...)
		if err != nil {
			t.Fatal(err)
		}
		cells, skipped := s.Cells()
		if got := names(cells); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got  %q\n want %q", c.args, got, c.want)
		}
		for _, k := range skipped {
			if k.Name == "" || k.Reason == "" {
				t.Errorf("%s: skipped %+v; want a name and a reason", c.args, k)
			}
		}
		again, _ := s.Cells()
		if !reflect.DeepEqual(again, cells) {
			t.Errorf("%s: two calls of Cells differ", c.args)
		}
	}
}

// TestCellsAddUp holds that nothing of the cross product goes missing, and
// that names are unique.
func TestCellsAddUp(t *testing.T) {
	s, err := parse(t, strings.Fields("--policy 0,1,2 --clients 1,2,3 --flush-method fsync,none --growth zero,append --log-buffer lockfree,mutex "+
		"--group-commit dedicated,leader,serial --group-delay off,adaptive --client-mode parked,pipelined --rate 0,5 --record-bytes 64,128")...)
	if err != nil {
		t.Fatal(err)
	}
	cells, skipped := s.Cells()
	if got, want := len(cells)+len(skipped), 3*3*2*2*2*3*2*2*2*2; got != want {
		t.Errorf("%d cells and %d skipped = %d; want %d", len(cells), len(skipped), got, want)
	}
	seen := map[string]bool{}
	for _, c := range cells {
		if seen[c.Name] {
			t.Errorf("the name %s stands twice", c.Name)
		}
		seen[c.Name] = true
	}
}

func TestTooManyCells(t *testing.T) {
	s := Default()
	for i := range 250 {
		s.Clients = append(s.Clients, 100+i)
		s.Rate = append(s.Rate, Rate(1+i))
	}
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "at most 4096") {
		t.Errorf("Validate() = %v; want too many cells", err)
	}
}

func TestTiming(t *testing.T) {
	s, err := parse(t, strings.Fields("--policy 0,1 --rate 0,100 --clients 4 --flush-interval 1s --duration 500ms --warmup 10ms")...)
	if err != nil {
		t.Fatal(err)
	}
	cells, _ := s.Cells()
	for _, c := range cells {
		want := 500 * time.Millisecond
		if c.Policy == 0 && c.Rate > 0 {
			want = 3300 * time.Millisecond
		}
		if c.Duration != want || c.Warmup != 10*time.Millisecond {
			t.Errorf("%s: %v after %v; want %v after 10ms", c.Name, c.Duration, c.Warmup, want)
		}
	}
	quick, _ := parse(t, "--quick", "--rounds", "3")
	if got := quick.Timing(); got.Rounds != 3 || got.Duration != matrixTimings[PresetQuick].Duration {
		t.Errorf("--quick --rounds 3: %+v; want 3 rounds of the quick preset", got)
	}
}

// TestEngineAcceptsCells holds that what is valid here is valid below.
func TestEngineAcceptsCells(t *testing.T) {
	s, err := parse(t, strings.Fields("--policy 0,1,2 --group-delay off,adaptive,1s --group-commit dedicated,leader,serial --log-capacity 384k --log-files 8 --clients 1,65536 --record-bytes 32,48k --log-buffer-size 128k --checkpoint-distance 288k")...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	cells, _ := s.Cells()
	for _, c := range cells {
		o := s.EngineOptions(c)
		if err := o.Validate(); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		if c.RecordBytes.Max() > o.MaxRecord() {
			t.Errorf("%s: a record of %d bytes; the engine takes %d", c.Name, c.RecordBytes.Max(), o.MaxRecord())
		}
	}
	var o engine.Options
	if got := s.EngineOptions(cells[0]); got.Observer != o.Observer || got.FS != nil {
		t.Error("EngineOptions sets observers or files; want neither")
	}
}
