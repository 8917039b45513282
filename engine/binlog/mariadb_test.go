package binlog

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield"
)

// need skips a test for a program that the machine does not have, or fails it
// where everything must be there.
func need(t *testing.T, program string) string {
	t.Helper()
	if yield.Enabled {
		t.Skip("the bytes are the same with the race detector")
	}
	path, err := exec.LookPath(program)
	for _, elsewhere := range []string{"/usr/sbin/", "/usr/bin/"} {
		if err != nil {
			path, err = exec.LookPath(elsewhere + program)
		}
	}
	if err != nil {
		testenv.Lack(t, program+" is missing: install mariadb-client and mariadb-server-core")
	}
	return path
}

// patience is how long a program may take before it counts as hanging: to make a
// database it waits for some hundred flushes.
const patience = 5 * time.Minute

// run starts a program and returns what it printed. It fails the test if the
// program does not end well.
func run(t *testing.T, stdin []byte, program string, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, errs.String())
	}
	return out.String(), errs.String()
}

// onDisk is a log in a folder of the real disk.
type onDisk struct {
	o    Options
	l    *Log
	rows int // row changes logged as rows
	text int // statements logged as text
	xid  uint64
}

func newOnDisk(t *testing.T, change func(*Options)) *onDisk {
	t.Helper()
	d := &onDisk{o: Options{FS: vfs.NewOS(), Dir: t.TempDir(), Growth: vfs.GrowAppend, Table: "accounts", Width: 100, Clock: at1}}
	change(&d.o)
	d.l = mustCreate(t, d.o)
	return d
}

func (d *onDisk) write(t *testing.T, group ...trx) {
	t.Helper()
	writeGroup(t, d.l, group...)
	for _, x := range group {
		for _, s := range x.stmts {
			switch {
			case s.aborted:
			case d.o.Format.Rows(s.unsafe):
				d.rows += len(s.ops)
			default:
				d.text++
			}
		}
	}
	if d.l.NeedsRotate() {
		if err := d.l.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *onDisk) paths() []string {
	var paths []string
	for _, f := range d.l.Files() {
		paths = append(paths, filepath.Join(d.o.Dir, f.Name))
	}
	return paths
}

var (
	endLogPos  = regexp.MustCompile(`(?m)^#.* end_log_pos (\d+) `)
	printedRow = regexp.MustCompile("(?m)^### (INSERT INTO|UPDATE|DELETE FROM) `flushbench`")
	printedSQL = regexp.MustCompile(`(?m)^statement \d+$`)
)

// printed counts what mariadb-binlog printed of one file.
func printed(out string) (rows, text, xids int, last int64) {
	for _, m := range endLogPos.FindAllStringSubmatch(out, -1) {
		last, _ = strconv.ParseInt(m[1], 10, 64)
	}
	return len(printedRow.FindAllString(out, -1)), len(printedSQL.FindAllString(out, -1)), strings.Count(out, "\tXid = "), last
}

// mariadb-binlog reads every file of every format, image and growth, with
// split row events, spilled caches and rotations, without a word of complaint,
// and counts what we count. One flipped bit and one cut-off byte make it
// complain.
func TestMariaDBReadsIt(t *testing.T) {
	program := need(t, "mariadb-binlog")
	for _, format := range Formats.All() {
		for _, image := range RowImages.All() {
			for _, growth := range []vfs.Growth{vfs.GrowAppend, vfs.GrowZero} {
				if image == ImageMinimal && growth == vfs.GrowZero {
					continue
				}
				t.Run(fmt.Sprintf("%v/%v/%v", format, image, growth), func(t *testing.T) {
					d := newOnDisk(t, func(o *Options) {
						o.Format, o.RowImage, o.Growth = format, image, growth
						o.CacheSize, o.MaxSize, o.Width = MinCacheSize, 30_000, 300
					})
					rng := rand.New(rand.NewPCG(1, uint64(format)))
					for d.xid < 40 {
						var group []trx
						for range 1 + rng.IntN(3) {
							d.xid++
							group = append(group, randomTrx(rng, d.xid, 3, 40, d.o.Width))
						}
						d.write(t, group...)
					}
					if s := d.l.Stats(); format != FormatStatement && (s.Rotations < 2 || s.SpilledTrx < 3) {
						t.Errorf("counts %+v; want rotations and spills", s)
					}
					if err := d.l.Close(); err != nil {
						t.Fatal(err)
					}
					d.check(t, program)
				})
			}
		}
	}
}

// check lets mariadb-binlog read all files, whole and damaged.
func (d *onDisk) check(t *testing.T, program string) {
	t.Helper()
	rows, text, ends := 0, 0, 0
	for i, path := range d.paths() {
		out, errs := run(t, nil, program, "--verify-binlog-checksum", "-v", path)
		r, s, x, last := printed(out)
		rows, text, ends = rows+r, text+s, ends+x
		if size := d.l.Files()[i].Size; errs != "" || last != size {
			t.Errorf("%s: standard error %q, last position %d; want nothing and %d", path, errs, last, size)
		}
	}
	if rows != d.rows || text != d.text || ends != int(d.xid) {
		t.Errorf("%d rows, %d statements, %d transactions; want %d, %d, %d", rows, text, ends, d.rows, d.text, d.xid)
	}
	path := d.paths()[0]
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(whole)/2] ^= 1
	for name, b := range map[string][]byte{"flipped bit": flipped, "cut-off byte": whole[:len(whole)-1]} {
		bad := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(program, "--verify-binlog-checksum", "-v", bad)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, _ := cmd.Output() // it may even end well
		if _, _, _, last := printed(string(out)); errs.Len() == 0 && last == int64(len(whole)) {
			t.Errorf("%s: mariadb-binlog says nothing and reads up to %d", name, last)
		}
	}
}

// A file that is still written, or was left by a crash and cut, is readable.
func TestMariaDBReadsOpenAndRecoveredFiles(t *testing.T) {
	program := need(t, "mariadb-binlog")
	d := newOnDisk(t, func(*Options) {})
	d.write(t, transfer(1))
	look := func(want string, size int64) {
		t.Helper()
		out, errs := run(t, nil, program, "--verify-binlog-checksum", "-v", d.paths()[0])
		if _, _, _, last := printed(out); errs != "" || last != size || !strings.Contains(out, want) {
			t.Errorf("standard error %q, last position %d; want nothing, %d and %q", errs, last, size, want)
		}
	}
	look("this binlog is either in use", d.l.Files()[0].Size)
	if err := d.l.Abandon(); err != nil {
		t.Fatal(err)
	}
	r, err := Scan(d.o.FS, d.o.Dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = Truncate(d.o.FS, d.o.Dir, r); err != nil {
		t.Fatal(err)
	}
	look("Stop", r.ValidPos)
}

// server is a private MariaDB: own data, own socket, no network.
type server struct {
	socket string
	client string
}

func startServer(t *testing.T) *server {
	t.Helper()
	mariadbd, install := need(t, "mariadbd"), need(t, "mariadb-install-db")
	s := &server{client: need(t, "mariadb")}
	dir, err := testenv.Public(nil) // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	data := filepath.Join(dir, "data")
	s.socket = filepath.Join(dir, "s")
	user := []string{}
	if os.Getuid() == 0 {
		user = append(user, "--user=root")
	}
	run(t, nil, install, append([]string{"--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db"}, user...)...)
	cmd := exec.Command(mariadbd, append([]string{"--no-defaults", "--datadir=" + data, "--socket=" + s.socket, "--pid-file=" + filepath.Join(dir, "pid"),
		"--skip-networking", "--skip-grant-tables", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0"}, user...)...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // its data is thrown away
		if err := <-ended; err == nil {
			t.Log("mariadbd had ended by itself")
		}
	})
	deadline := time.After(patience)
	for exec.Command(s.client, "--no-defaults", "-S", s.socket, "-e", "SELECT 1").Run() != nil {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("mariadbd ended: %v\n%s", err, log.String())
		case <-deadline:
			t.Fatalf("mariadbd does not answer\n%s", log.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return s
}

// sql runs statements and returns what they print.
func (s *server) sql(t *testing.T, text string) string {
	t.Helper()
	out, _ := run(t, []byte(text), s.client, "--no-defaults", "-S", s.socket, "-N", "-B")
	return strings.TrimSpace(out)
}

// bank is a table of accounts in memory and the statements that change it.
type bank struct {
	rows map[uint64]Row
	xid  uint64
}

func (b *bank) open(accounts int) trx {
	b.xid++
	s := stmt{unsafe: true}
	var values []string
	for i := range accounts {
		r := Row{Key: uint64(i), K: 1000, C: []byte(fmt.Sprintf("it's \\ %d\x00\xff", i))}
		b.rows[r.Key] = r
		s.ops = append(s.ops, op{kind: TypeWriteRows, after: r})
		values = append(values, fmt.Sprintf("(%d, %d, x'%x')", r.Key, r.K, r.C))
	}
	s.sql = "INSERT INTO accounts VALUES " + strings.Join(values, ", ")
	return trx{b.xid, []stmt{s}}
}

func (b *bank) set(r Row) op {
	o := op{TypeUpdateRows, b.rows[r.Key], r}
	b.rows[r.Key] = r
	return o
}

// step moves money, and now and then closes an account into another or opens
// one again.
func (b *bank) step(rng *rand.Rand) trx {
	b.xid++
	from, to := rng.Uint64N(uint64(50)), rng.Uint64N(uint64(50))
	x := trx{xid: b.xid}
	amount := int64(rng.IntN(100))
	unsafe := rng.IntN(3) == 0
	do := func(o op, format string, args ...any) {
		x.stmts = append(x.stmts, stmt{sql: fmt.Sprintf(format, args...), unsafe: unsafe, ops: []op{o}})
	}
	for _, id := range []uint64{from, to} {
		if _, ok := b.rows[id]; !ok {
			r := Row{Key: id, C: []byte("again")}
			b.rows[id] = r
			do(op{kind: TypeWriteRows, after: r}, "INSERT INTO accounts VALUES (%d, 0, 'again')", id)
		}
	}
	if rng.IntN(5) == 0 && from != to {
		amount = b.rows[from].K
		do(op{kind: TypeDeleteRows, before: b.rows[from]}, "DELETE FROM accounts WHERE id = %d", from)
		delete(b.rows, from)
	} else {
		r := b.rows[from]
		r.K -= amount
		do(b.set(r), "UPDATE accounts SET k = k - %d WHERE id = %d", amount, from)
	}
	r := b.rows[to]
	r.K += amount
	r.C = []byte(fmt.Sprintf("%x", rng.Uint64()))
	do(b.set(r), "UPDATE accounts SET k = k + %d, c = '%s' WHERE id = %d", amount, r.C, to)
	return x
}

// MariaDB replays our files and gets the same rows, whatever the format, the
// image, and how often the file changed.
func TestMariaDBReplaysIt(t *testing.T) {
	program := need(t, "mariadb-binlog")
	s := startServer(t)
	for _, format := range Formats.All() {
		for _, image := range RowImages.All() {
			d := newOnDisk(t, func(o *Options) { o.Format, o.RowImage, o.MaxSize, o.CacheSize = format, image, 50_000, MinCacheSize })
			database, table := d.l.CreateTable()
			for i, text := range []string{"DROP DATABASE IF EXISTS flushbench", database, table} {
				if _, err := d.l.WriteStatement(text, i == 2); err != nil {
					t.Fatal(err)
				}
			}
			b := bank{rows: map[uint64]Row{}}
			rng := rand.New(rand.NewPCG(7, uint64(image)))
			d.write(t, b.open(300))
			for range 200 {
				d.write(t, b.step(rng), b.step(rng))
			}
			if err := d.l.Close(); err != nil {
				t.Fatal(err)
			}
			text, errs := run(t, nil, program, append([]string{"--verify-binlog-checksum"}, d.paths()...)...)
			if errs != "" || len(d.paths()) < 2 {
				t.Errorf("%v/%v: mariadb-binlog says %q, of %d files", format, image, errs, len(d.paths()))
			}
			s.sql(t, text)
			got := strings.Split(s.sql(t, "SELECT id, k, HEX(c) FROM flushbench.accounts ORDER BY id; SELECT COUNT(*), SUM(k) FROM flushbench.accounts"), "\n")
			var want []string
			for id := range uint64(300) {
				if r, ok := b.rows[id]; ok {
					want = append(want, fmt.Sprintf("%d\t%d\t%X", r.Key, r.K, r.C))
				}
			}
			want = append(want, fmt.Sprintf("%d\t%d", len(b.rows), 300*1000))
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%v/%v: MariaDB has\n%s\nwant\n%s", format, image, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}
