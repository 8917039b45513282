package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// theLaw is the floor plan as data: docs/map.md says the same in words. Change
// it in a commit of its own that gives the reason.
var theLaw = law{
	module: "flushbench",

	// From the roof to the ground; a package may import only what its row names
	// and what stands in a later row. "below" means everything in later rows.
	floors: []floor{
		{"cmd/flushbench .", "below"},
		{"plots/serve", "plots plots/report plots/browser metrics/..."}, // its pages look like a report, and show tables as one
		{"plots/report", "plots plots/browser metrics/..."},
		{"plots/browser", ""}, // for tests alone
		{"plots", "metrics/result metrics/stats metrics/model metrics/verdict"},
		{"workload/plan workload/lesson workload/trace workload/audit", "below"},
		{"workload/plan/simdisk", "metrics metrics/model metrics/stats metrics/result"},
		{"workload/sweep", "below"},
		{"workload/sweep/simdisk", ""},
		{"workload/crash/servers", "below"},
		{"workload/runner workload/crash workload/plug", "below"},
		{"workload/runner/servers", "workload workload/driver workload/process workload/target workload/server workload/workdir metrics/hostinfo metrics/result metrics/verdict"},
		{"workload/crash/lab/labtest", "workload/crash/lab engine/vfs"},
		{"workload/crash/lab", "metrics/hostinfo engine/vfs engine/clock"},
		{"workload/crash/victim", "workload workload/judge workload/driver workload/crash/subject workload/crash/ledger workload/target/embedded workload/durability metrics engine engine/... groupcommit metrics/stats"},
		{"workload/judge", "workload/crash/subject workload/crash/ledger workload/target/embedded engine engine/... groupcommit workload workload/durability"},
		{"workload/crash/subject", "workload workload/durability workload/target/embedded engine engine/... groupcommit"},
		{"workload/crash/ledger", "engine/clock engine/lsn"},
		{"workload/target/mysql workload/target/postgres", "workload workload/target workload/server engine/lsn"}, // the server is for their tests
		{"workload/server", "workload/workdir workload/target workload/process workload/process/processtest metrics/hostinfo metrics/result engine/vfs engine/clock"},
		{"workload/driver", "workload metrics engine/clock engine/lsn"},
		{"workload/target/embedded", "workload engine engine/... groupcommit"},
		{"workload/scenario", "workload workload/target engine engine/redo engine/binlog engine/vfs groupcommit"},
		{"workload/target", "workload workload/process"},
		{"workload/params", "workload engine engine/... groupcommit metrics/result"},
		{"workload/probe", "workload/workdir metrics/... engine/vfs engine/clock"},
		{"workload/beside", "workload metrics engine/vfs engine/clock"},
		{"workload/workdir", "metrics/hostinfo engine/vfs"},
		{"workload/writeback", "metrics/hostinfo engine/vfs engine/clock"},
		{"workload/durability", "groupcommit engine/vfs"},
		{"workload/process", "workload/process/processtest"}, // for its tests
		{"workload/process/processtest", ""},
		{"workload", "engine/lsn"},
		{"engine", "below-engine groupcommit"},
		{"engine/rebuild", "engine/table engine/binlog engine/vfs engine/clock engine/lsn engine/trx"},
		{"engine/recovery", "engine/undo engine/table engine/bufpool engine/redo engine/binlog engine/vfs engine/clock engine/lsn engine/trx"},
		{"engine/undo", "engine/table engine/bufpool engine/redo engine/vfs engine/clock engine/lsn engine/trx"},
		{"engine/table", "engine/bufpool engine/redo engine/vfs engine/clock engine/lsn engine/trx"},
		{"engine/bufpool", "engine/redo engine/vfs engine/clock engine/lsn engine/trx"},
		{"engine/redo engine/binlog engine/lock groupcommit", "engine/vfs engine/clock engine/lsn engine/trx"},
		{"metrics/verdict", "metrics/stats metrics/model metrics/result"},
		{"metrics/stats metrics/model", "metrics/result"},
		{"metrics/hostinfo", "metrics/result engine/vfs"},
		{"metrics/result", "metrics"},
		{"metrics", "engine/lsn"},
		{"engine/vfs/...", "engine/vfs/... engine/clock"},
		{"engine/clock", ""},
		{"engine/yield/seeds", "engine/yield"},
		{"engine/yield", ""},
		{"engine/lsn engine/trx", ""},
		{"engine/axis", ""},
		{"mutants", ""},
	},
	// anyone lists what every package may import: the tables behind the axes.
	// And the yield points of seeded interleavings, which compile to nothing.
	anyone: "engine/axis engine/yield engine/yield/seeds engine/vfs/testenv",

	// One door per dependency: who may import it. "tests" means any _test.go file.
	doors: []door{
		{"github.com/spf13/cobra", "cmd/flushbench"},
		{"github.com/spf13/pflag", "cmd/flushbench workload/scenario"},
		{"github.com/jedib0t/go-pretty/v6", "cmd/flushbench"},
		{"golang.org/x/term", "cmd/flushbench"},
		{"gopkg.in/yaml.v3", "workload/scenario workload/plan tests"},
		{"github.com/HdrHistogram/hdrhistogram-go", "metrics/..."},
		{"gonum.org/v1/gonum", "metrics/..."},
		{"gonum.org/v1/plot", "plots/..."},
		{"golang.org/x/perf", "metrics/... tests"},
		{"github.com/shirou/gopsutil/v3", "metrics/hostinfo"},
		{"github.com/prometheus/procfs", "metrics/hostinfo"},
		{"github.com/prometheus/common", "tests"}, // a foreign reader of what serve tells Prometheus
		{"golang.org/x/sys", "engine/vfs/... engine/redo engine/clock metrics/hostinfo workload/driver workload/process workload/server workload/crash/... workload/writeback tests"},
		{"github.com/go-sql-driver/mysql", "workload/target/mysql"},
		{"github.com/jackc/pgx/v5", "workload/target/postgres"},
		{"pgregory.net/rapid", "tests"},
	},

	// Who may open files that are not the engine's. The engine's go through
	// engine/vfs, or no crash, fault or flush count would cover them.
	files: "cmd/flushbench plots/... engine/vfs/... metrics/result metrics/hostinfo mutants tests " +
		"workload/runner workload/probe workload/crash/... workload/plug workload/driver workload/workdir workload/process/... workload/server workload/audit workload/target workload/lesson workload/writeback " +
		"engine/yield/seeds",
}

// TestLayers holds every source file, those of other platforms and build tags
// included, against the law.
func TestLayers(t *testing.T) {
	sources := loadSources(t)
	for _, v := range theLaw.check(sources) {
		t.Error(v)
	}
}

// TestLawItself holds that the table is sound: each name it uses is a row, and
// each import it allows goes down.
func TestLawItself(t *testing.T) {
	for _, v := range theLaw.checkItself() {
		t.Error(v)
	}
}

// TestMapNamesEveryPackage keeps docs/map.md a complete guide.
func TestMapNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "map.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{".": true} // the root holds bench_test.go alone
	for _, s := range loadSources(t) {
		if !seen[s.pkg] && !strings.Contains(string(text), "`"+s.pkg+"`") {
			t.Errorf("docs/map.md does not name `%s`", s.pkg)
		}
		seen[s.pkg] = true
	}
}
