package audit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"flushbench/metrics/result"
	"flushbench/workload/durability"
	"flushbench/workload/target"
)

// labCell is what the crash lab measured of one setting: in each trial how many
// acknowledged commits the tables had lost, and how old the oldest was.
type labCell struct {
	Product   target.Product  `json:"product"`
	Settings  string          `json:"settings"`
	Mount     string          `json:"mount"`
	Direct    bool            `json:"direct"`    // the redo log was open with O_DIRECT
	Unwritten bool            `json:"unwritten"` // some of its blocks had never been written
	Kind      durability.Kind `json:"kind"`
	Lost      []int           `json:"lost"`
	AgeS      []float64       `json:"age_s"`
}

// labCells are the recorded figures; their file says where they are from.
func labCells(t *testing.T) []labCell {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "crash-lab.json"))
	if err != nil {
		t.Fatal(err)
	}
	var lab struct {
		From  string    `json:"from"`
		Cells []labCell `json:"cells"`
	}
	if err := json.Unmarshal(text, &lab); err != nil || lab.From == "" || len(lab.Cells) < 30 {
		t.Fatalf("%d cells from %q, %v", len(lab.Cells), lab.From, err)
	}
	return lab.Cells
}

// predicted is what audit says of the cell's crash.
func (c *labCell) predicted() Crash {
	base := map[target.Product]string{target.MariaDB: mariadb, target.PostgreSQL: postgres}[c.Product]
	f := facts(c.Product, with(base, c.Settings), disk("ext4", result.CacheWriteBack, c.Mount))
	if c.Product == target.MariaDB {
		f.Redo = RedoLog{FlagsKnown: true, Direct: c.Direct, LayoutKnown: true, Bytes: 100}
		if c.Unwritten {
			f.Redo.UnwrittenBytes = 90
		}
	}
	return Assess(f).Crashes[c.Kind]
}

// TestPredictionsHoldInTheCrashLab: nothing that was measured lies outside what audit
// says of the same settings. And audit does not cry wolf: of a setting that it says may
// lose an interval, a few trials have lost a quarter of that.
func TestPredictionsHoldInTheCrashLab(t *testing.T) {
	type seen struct {
		interval, oldest float64
		trials           int
	}
	bySetting := map[string]*seen{}
	nothing := 0
	for _, c := range labCells(t) {
		p := c.predicted()
		tables := p.Tables
		for i, lost := range c.Lost {
			switch {
			case tables.Extent == Nothing && lost > 0:
				t.Errorf("%v crash of %s (%s): trial %d lost %d; predicted: nothing", c.Kind, c.Settings, c.Mount, i+1, lost)
			case tables.Most > 0 && c.AgeS[i] > tables.Most:
				t.Errorf("%v crash of %s (%s): trial %d lost the last %.3f s; predicted at most %v s", c.Kind, c.Settings, c.Mount, i+1, c.AgeS[i], tables.Most)
			}
		}
		switch tables.Extent {
		case Nothing:
			nothing++
		case Interval:
			s := bySetting[c.Settings]
			if s == nil {
				s = &seen{interval: tables.Seconds}
				bySetting[c.Settings] = s
			}
			for _, age := range c.AgeS {
				s.trials, s.oldest = s.trials+1, max(s.oldest, age)
			}
		}
	}
	if nothing < 10 || len(bySetting) < 6 {
		t.Errorf("%d crashes that take nothing, %d settings with an interval: too few to hold against", nothing, len(bySetting))
	}
	for name, s := range bySetting {
		if s.trials >= 3 && s.oldest < s.interval/4 {
			t.Errorf("%s: of %v s at most %.3f s were lost in %d trials", name, s.interval, s.oldest, s.trials)
		}
	}
}
