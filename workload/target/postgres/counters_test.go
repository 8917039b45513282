package postgres

import (
	"bufio"
	"fmt"
	"io"
	"math"
	osexec "os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload"
	"flushbench/workload/target"
)

// TestServerCounters: the server's count of flushes is that of its system calls.
func TestServerCounters(t *testing.T) {
	p := shared(t)
	strace, err := osexec.LookPath("strace")
	if err != nil {
		testenv.Lack(t, "install strace")
	}
	s := opened(t, p.Address())
	g := tableFor(t, s, workload.Spec{Kind: workload.KindUpdate, Rows: 200}, 4)
	// The sessions are there before anybody looks, and idle while it does.
	tg, err := s.Target(g, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []workload.Session
	for c := range uint32(4) {
		x, err := tg.Connect(c)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		all = append(all, x)
	}
	do(t, s, "CHECKPOINT")
	pids, err := p.Processes()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-f", "-e", "trace=fsync,fdatasync"}
	for _, pid := range pids {
		args = append(args, "-p", fmt.Sprint(pid))
	}
	cmd := osexec.Command(strace, args...)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for n := 0; n < len(pids) && lines.Scan(); {
		if strings.Contains(lines.Text(), "attached") {
			n++
		} else if strings.Contains(lines.Text(), "ptrace") {
			_ = cmd.Wait()
			testenv.Lack(t, "strace may not: ", lines.Text())
		}
	}
	calls := make(chan int)
	go func() {
		n := 0
		for lines.Scan() {
			if strings.Contains(lines.Text(), "sync(") { // not what is resumed
				n++
			}
		}
		calls <- n
	}()
	before, err := s.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	txn := g.NewTxn(0)
	for i := range uint64(200) {
		for c, x := range all {
			g.Next(uint32(c), i, txn)
			if err := x.Run(txn); err != nil {
				t.Fatal(err)
			}
		}
	}
	after, err := s.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	want := <-calls
	_ = cmd.Wait() // ended by our signal
	got := after.Sub(before)
	t.Logf("%+v; strace saw %d flushes", got, want)
	if math.Abs(float64(got.Flushes)-float64(want)) > 0.05*float64(want) || got.Flushes < 800*9/10 {
		t.Errorf("%d flushes counted; strace saw %d", got.Flushes, want)
	}
	if got.RedoFlushes > got.Flushes || got.Commits < 800 || got.Commits > 820 {
		t.Errorf("counters rose by %+v; want 800 commits", got)
	}
}

// unheard is a connection whose end the server does not hear of until it is let go.
type unheard struct{ io.ReadWriteCloser }

func (u unheard) Write(b []byte) (int, error) {
	if len(b) > 0 && b[0] == 'X' { // Terminate
		return len(b), nil
	}
	return u.ReadWriteCloser.Write(b)
}

func (unheard) Close() error { return nil }

func (u unheard) letGo() { _ = u.ReadWriteCloser.Close() } // what Close has done

// TestServerCountsOfTheClosed: what a session has counted is not lost when it is closed
// before anybody looks, as at the end of an interval that the machine slept through. On
// its way out a backend tells by itself, soon or late; here it hears of its end when all
// is over.
func TestServerCountsOfTheClosed(t *testing.T) {
	s := opened(t, shared(t).Address())
	if s.info.Major < 15 {
		testenv.Lack(t, "PostgreSQL "+s.info.Version+" cannot be told to report")
	}
	g := tableFor(t, s, workload.Spec{Kind: workload.KindUpdate}, 1)
	// A backend tells by itself a second after it has last, and when it begins: an
	// attempt that takes longer shows nothing.
	const most, alone = 20, time.Second
	for i := range most {
		begun := time.Now()
		countsOfTheClosed(t, s, g)
		took := time.Since(begun)
		if took < alone {
			return
		}
		t.Logf("attempt %d of %d took %v; want less than %v", i+1, most, took, alone)
	}
}

// countsOfTheClosed looks at the counters before and after a session that is closed.
func countsOfTheClosed(t *testing.T, s *server, g *workload.Generator) {
	t.Helper()
	const commits = 20
	before, err := s.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x := session0(t, s, g, 0)
	conn := unheard{x.w.conn}
	x.w.conn = conn
	defer conn.letGo()
	txn := g.NewTxn(0)
	for i := range uint64(commits) {
		g.Next(0, i, txn)
		if err := x.Run(txn); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := s.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The server's own writer of the log may have flushed one or the other commit.
	if d := after.Sub(before); d.Commits < commits || d.RedoFlushes < commits/2 {
		t.Fatalf("counters rose by %+v; want %d commits and about as many flushes", d, commits)
	}
}

// TestCounterQuery: which view is asked for what, by version.
func TestCounterQuery(t *testing.T) {
	for _, c := range []struct {
		major    int
		has, not []string
	}{
		{13, []string{"-1, -1"}, []string{"pg_stat_wal", "pg_stat_io"}},
		{15, []string{"wal_sync", "buffers_backend_fsync"}, []string{"pg_stat_io"}},
		{17, []string{"wal_sync", "pg_stat_io"}, []string{"buffers_backend_fsync"}},
		{18, []string{"object = 'wal'", "object <> 'wal'"}, []string{"wal_sync ", "pg_stat_wal"}},
	} {
		sql := counterQuery(c.major)
		for _, word := range c.has {
			if !strings.Contains(sql, word) {
				t.Errorf("version %d: no %q in %s", c.major, word, sql)
			}
		}
		for _, word := range c.not {
			if strings.Contains(sql, word) {
				t.Errorf("version %d: %q in %s", c.major, word, sql)
			}
		}
	}
}

func TestCountersOf(t *testing.T) {
	got, err := countersOf([]string{"741", "3", "90", "88", "65536", ""})
	want := target.Counters{Commits: 741, Rollbacks: 3, Flushes: 90, RedoFlushes: 88, BinlogFlushes: -1, RedoBytes: 65536, BinlogBytes: -1, Deadlocks: -1}
	if err != nil || got != want {
		t.Errorf("countersOf = %+v, %v; want %+v", got, err, want)
	}
	if _, err := countersOf([]string{"741", "x", "", "", "", ""}); err == nil {
		t.Error("countersOf took x for a number")
	}
}

func TestVariableIs(t *testing.T) {
	ms := variable{name: "wal_writer_delay", value: "200ms", setting: "200", unit: "ms", kind: "integer"}
	pages := variable{name: "wal_buffers", value: "4MB", setting: "512", unit: "8kB", kind: "integer"}
	on := variable{name: "fsync", value: "on", setting: "on", kind: "bool"}
	commit := variable{name: "synchronous_commit", value: "on", setting: "on", kind: "enum"}
	text := variable{name: "synchronous_standby_names", kind: "string"}
	for _, c := range []struct {
		v    variable
		text string
		want bool
	}{
		{ms, "200ms", true}, {ms, "200", true}, {ms, "0.2s", true}, {ms, " 200000 us", true}, {ms, "2s", false}, {ms, "200kB", false}, {ms, "", false}, {ms, "x", false},
		{pages, "4MB", true}, {pages, "4096kB", true}, {pages, "512", true}, {pages, "4194304B", true}, {pages, "4", false},
		{on, "on", true}, {on, "TRUE", true}, {on, "1", true}, {on, "y", true}, {on, "of", false}, {on, "o", false},
		{commit, "on", true}, {commit, "yes", true}, {commit, "ON", true}, {commit, "local", false}, {commit, "off", false},
		{text, "", true}, {text, "*", false},
	} {
		if got := c.v.is(c.text); got != c.want {
			t.Errorf("%s is %s: is(%q) = %v; want %v", c.v.name, c.v.value, c.text, got, c.want)
		}
	}
}

func TestMeaning(t *testing.T) {
	s := &server{}
	for _, c := range []struct {
		pair target.Pair
		want string
		says string
	}{
		{target.Pair{Policy: 0, SyncBinlog: -1}, "off", ""},
		{target.Pair{Policy: 1, SyncBinlog: -1}, "on", ""},
		{target.Pair{Policy: 2, SyncBinlog: -1}, "", "never writes at a commit without flushing"},
		{target.Pair{Policy: 3, SyncBinlog: -1}, "", "no such policy"},
		{target.Pair{Policy: 1, SyncBinlog: 1}, "", "no binlog"},
	} {
		got, err := s.Meaning(c.pair)
		if got.Get("synchronous_commit") != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("Meaning(%v) = %v, %v; want %q, an error with %q", c.pair, got, err, c.want, c.says)
		}
	}
}

func TestPlace(t *testing.T) {
	for _, c := range []struct{ address, host, port string }{
		{"postgres://u@unix(/run/postgresql/.s.PGSQL.5433)/d", "/run/postgresql", "5433"},
		{"postgres://u@unix(/run/postgresql)/d", "/run/postgresql", "5432"},
		{"postgres://u@db.example/d", "db.example", "5432"},
		{"postgres://u@db.example:6000/d", "db.example", "6000"},
		{"postgres://u@[::1]:6000/d", "::1", "6000"},
		{"postgres://u@[::1]/d", "::1", "5432"},
	} {
		a, err := target.ParseAddress(c.address)
		if err != nil {
			t.Fatal(err)
		}
		host, port, err := place(&a)
		if host != c.host || port != c.port || err != nil {
			t.Errorf("place(%s) = %s, %s, %v; want %s, %s", c.address, host, port, err, c.host, c.port)
		}
	}
	for _, bad := range []string{"db.example:0", "db.example:65536", ":5432", "/tmp:5432"} {
		if host, port, err := place(&target.Address{Network: "tcp", Place: bad}); err == nil {
			t.Errorf("place(%s) = %s, %s; want an error", bad, host, port)
		}
	}
}

func TestConfigOf(t *testing.T) {
	a, err := target.ParseAddress(`postgres://o'brien:pa'ss%5C@db.example/d?sslmode=require&connect_timeout=3&geqo=off`)
	if err != nil {
		t.Fatal(err)
	}
	c, err := configOf(&a)
	if err != nil {
		t.Fatal(err)
	}
	if c.User != "o'brien" || c.Password != `pa'ss\` || c.Host != "db.example" || c.Database != "d" || c.TLSConfig == nil || len(c.Fallbacks) != 0 ||
		c.RuntimeParams["geqo"] != "off" || c.RuntimeParams["application_name"] != ourName || c.ConnectTimeout.Seconds() != 3 {
		t.Errorf("configOf = user %s, host %s, database %s, %v", c.User, c.Host, c.Database, c.RuntimeParams)
	}
	for _, name := range ofAddress {
		a.Options = map[string][]string{name: {"s3cret"}}
		if _, err := configOf(&a); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("option %s: %v", name, err)
		}
	}
}

func TestQuoting(t *testing.T) {
	if got := identifier(`a"b`); got != `"a""b"` {
		t.Errorf("identifier = %s", got)
	}
	if got := literal(`a'b\`); got != `E'a''b\\'` {
		t.Errorf("literal = %s", got)
	}
	names := []string{"fsync", `a"b\`}
	if got := array(names); got != `{"fsync","a\"b\\"}` {
		t.Errorf("array = %s", got)
	}
}
