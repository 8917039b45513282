package rebuild

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"flushbench/engine/binlog"
)

// three are the rows that statements of the tests find.
var three = []binlog.Row{{Key: 1, K: 10, C: []byte("a")}, {Key: 2, K: 20, C: []byte("b")}, {Key: 5, K: -50, C: []byte("it's")}}

// execute runs statements on the three rows, as the events of one transaction.
func execute(t testing.TB, texts ...string) (string, Report, error) {
	t.Helper()
	w := newWriter(t, func(o *binlog.Options) { o.Format = binlog.FormatStatement }).create()
	w.now = started + 60
	w.statements(texts...)
	o := options(w.close().fs)
	o.Base = base(three...)
	table, rep, err := Run(o)
	var list []string
	for r := range table.All() {
		list = append(list, fmt.Sprintf("%d %d %s", r.Key, r.K, r.C))
	}
	return strings.Join(list, ", "), rep, err
}

// Statements do what a server does.
func TestStatements(t *testing.T) {
	for text, want := range map[string]string{
		"UPDATE t SET k=k+1 WHERE id=2":                                    "1 10 a, 2 21 b, 5 -50 it's",
		"UPDATE t SET k=k-7 WHERE id=2/*-----*/":                           "1 10 a, 2 13 b, 5 -50 it's",
		"UPDATE t SET k=k+-3 WHERE id=9":                                   "1 10 a, 2 20 b, 5 -50 it's",
		"update `flushbench`.`t` set `k`=- k * (1+1) where `id` = 1 ;":     "1 -20 a, 2 20 b, 5 -50 it's",
		"UPDATE t SET c='x' WHERE id BETWEEN 2 AND 4 OR k<0":               "1 10 a, 2 20 x, 5 -50 x",
		"UPDATE t SET k=1, c=k WHERE id=1":                                 "1 1 1, 2 20 b, 5 -50 it's",
		"UPDATE t SET c='it\\'s ''q'' \\\\ \\n.' WHERE id=1":               "1 10 it's 'q' \\ \n., 2 20 b, 5 -50 it's",
		"UPDATE t SET c=x'6869' WHERE c='it''s' AND NOT k>0":               "1 10 a, 2 20 b, 5 -50 hi",
		"UPDATE t SET k=k+1":                                               "1 11 a, 2 21 b, 5 -49 it's",
		"UPDATE t SET k=0 LIMIT 2":                                         "1 0 a, 2 0 b, 5 -50 it's",
		"UPDATE t SET k=0 WHERE id>=2 LIMIT 1":                             "1 10 a, 2 0 b, 5 -50 it's",
		"UPDATE t SET k=0 ORDER BY k LIMIT 1":                              "1 10 a, 2 20 b, 5 0 it's",
		"UPDATE t SET k=0 ORDER BY c DESC, id LIMIT 0":                     "1 10 a, 2 20 b, 5 -50 it's",
		"DELETE FROM t WHERE id=2":                                         "1 10 a, 5 -50 it's",
		"DELETE FROM t WHERE id<>2 AND k != 11":                            "2 20 b",
		"DELETE FROM t ORDER BY id DESC LIMIT 1":                           "1 10 a, 2 20 b",
		"DELETE FROM t WHERE id>1 AND id<=2 LIMIT 1":                       "1 10 a, 5 -50 it's",
		"INSERT INTO t (id, k, c) VALUES (3, -4, 'c')":                     "1 10 a, 2 20 b, 3 -4 c, 5 -50 it's",
		"INSERT INTO t VALUES (0, 1+1, CONCAT('a', 1, 'b')), (7,0,'')":     "0 2 a1b, 1 10 a, 2 20 b, 5 -50 it's, 7 0 ",
		"UPDATE t SET c=NOW() WHERE id=1":                                  "1 10 2023-11-14 22:14:20, 2 20 b, 5 -50 it's",
		"UPDATE t SET c=CURRENT_TIMESTAMP WHERE id=1":                      "1 10 2023-11-14 22:14:20, 2 20 b, 5 -50 it's",
		"UPDATE t SET k=UNIX_TIMESTAMP()%1000 WHERE id=1":                  "1 60 a, 2 20 b, 5 -50 it's",
		"UPDATE t SET c=RPAD(SYSDATE(3), 25, '-') WHERE id=1":              "1 10 2023-11-14 22:13:27.000--, 2 20 b, 5 -50 it's",
		"UPDATE t SET k=CRC32('123456789'), c=RPAD('abc',2,'') WHERE id=1": "1 3421780262 ab, 2 20 b, 5 -50 it's",
		"UPDATE t SET k=FLOOR(RAND()) WHERE id=1":                          "1 0 a, 2 20 b, 5 -50 it's",
		"CREATE DATABASE IF NOT EXISTS flushbench":                         "1 10 a, 2 20 b, 5 -50 it's",
		"CREATE TABLE IF NOT EXISTS t (id BIGINT PRIMARY KEY, k BIGINT NOT NULL, c VARBINARY(30) NOT NULL) ENGINE=InnoDB": "1 10 a, 2 20 b, 5 -50 it's",
		"DROP DATABASE IF EXISTS flushbench": "",
		"DROP TABLE t":                       "",
	} {
		if got, _, err := execute(t, text); err != nil || got != want {
			t.Errorf("%s\ngives %s, %v\nwant  %s", text, got, err, want)
		}
	}
}

// What a server refuses, and what is not understood, is one line.
func TestRefusedStatements(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "the statement ends where",
		"SELECT 1":                        `"SELECT" where UPDATE, INSERT`,
		"UPDATE u SET k=1":                "table `u` does not exist; there is `t`",
		"UPDATE t SET k=1 WHERE":          "the statement ends where a column",
		"UPDATE t SET k=1 WHERE id=1 1":   `"1" where the end of the statement belongs`,
		"UPDATE t SET x=1":                "a column (id, k, c)",
		"UPDATE t SET id=1 WHERE id=2":    "the primary key is changed",
		"UPDATE t SET k='x' WHERE id=1":   `"x" for a column of numbers`,
		"UPDATE t SET k=k+'1' WHERE id=1": "a text where a number belongs",
		"UPDATE t SET k=k%0 WHERE id=1":   "division by 0",
		"UPDATE t SET k=9223372036854775807+k WHERE id=1":             "out of range",
		"UPDATE t SET k=9223372036854775808":                          "out of range",
		"UPDATE t SET k=1.5":                                          "only whole ones",
		"UPDATE t SET c='" + strings.Repeat("x", 31) + "' WHERE id=1": "31 bytes for c VARBINARY(30)",
		"UPDATE t SET c='x":                                           "a string that does not end",
		"UPDATE t SET c='x\\":                                         "a string that does not end",
		"UPDATE t SET c=x'6' WHERE id=1":                              "no hexadecimal number",
		"UPDATE t SET k=1 /*":                                         "a comment that does not end",
		"/*!50000 UPDATE t SET k=1*/":                                 "a comment that a server executes",
		"UPDATE t SET k=1 WHERE c=1":                                  "a text is compared with a number",
		"UPDATE t SET k=1 WHERE c":                                    "a text where true or false belongs",
		"UPDATE t SET k=1 WHERE " + strings.Repeat("(", 100):          "nested more than 64 deep",
		"UPDATE t SET k=RAND(1)":                                      "RAND with more than 0 arguments",
		"UPDATE t SET c=RPAD('a',2)":                                  "RPAD with 2 arguments: at least 3",
		"UPDATE t SET c=RPAD('a',99999,'x') WHERE id=1":               "must be 0 to",
		"UPDATE t SET c=NOW(7) WHERE id=1":                            "more than 6 digits",
		"INSERT INTO t VALUES (1,1,'')":                               "duplicate key",
		"INSERT INTO t VALUES (-1,1,'')":                              "negative keys",
		"INSERT INTO t (k, id, c) VALUES (1)":                         `"k" where ID belongs`,
		"CREATE TABLE t (id BIGINT PRIMARY KEY, k BIGINT NOT NULL, c VARBINARY(30) NOT NULL) ENGINE=InnoDB": "exists already",
		"CREATE TABLE v (a INT)": `"a" where ID belongs`,
		"DROP TABLE u":           "table `u` does not exist",
	} {
		got, rep, err := execute(t, text)
		var apply *ApplyError
		if !errors.As(err, &apply) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.80s\ngives %v (%s)\nwant  %s", text, err, got, want)
		}
		if rep.LastSeq != 2 {
			t.Errorf("%.80s: the report has the transaction that failed", text)
		}
	}
}

// Statements whose outcome is not in the log are counted by why; those that only look
// so are not.
func TestAnew(t *testing.T) {
	for text, want := range map[string]AnewCounts{
		"UPDATE t SET c=SYSDATE(6) WHERE id=1":                   {Clock: 1},
		"UPDATE t SET c=NOW(6) WHERE id=1":                       {},
		"UPDATE t SET c=RPAD(UUID(),30,'-') WHERE id=1":          {Random: 1},
		"UPDATE t SET k=k+FLOOR(1+RAND()*10)":                    {Random: 1},
		"UPDATE t SET k=0 WHERE id BETWEEN 0 AND 7 LIMIT 1":      {Limit: 1},
		"UPDATE t SET k=0 ORDER BY k LIMIT 1":                    {Limit: 1},
		"UPDATE t SET k=0 ORDER BY k, id LIMIT 1":                {},
		"DELETE FROM t WHERE id=1 LIMIT 1":                       {},
		"INSERT INTO t VALUES (9, 1, RPAD(SYSDATE(),30,UUID()))": {Clock: 1},
	} {
		if _, rep, err := execute(t, text); err != nil || rep.Anew != want || rep.Statements != 3 {
			t.Errorf("%s: %+v, %v; want %+v", text, rep.Anew, err, want)
		}
	}
}

// Random numbers and identifiers differ from row to row, and from seed to seed.
func TestRandomIsNew(t *testing.T) {
	w := newWriter(t, func(o *binlog.Options) { o.Format = binlog.FormatStatement }).create()
	w.statements("UPDATE t SET k=FLOOR(RAND()*1000000000000), c=RPAD(UUID(),30,'-')")
	w.close()
	seen := map[string]bool{}
	for seed := range uint64(3) {
		o := options(w.fs)
		o.Base, o.Seed = base(three...), seed+1
		table, _, err := Run(o)
		if err != nil {
			t.Fatal(err)
		}
		for r := range table.All() {
			seen[fmt.Sprint(r.K)], seen[string(r.C)] = true, true
		}
	}
	if len(seen) != 18 {
		t.Errorf("%d different values of 18", len(seen))
	}
}

// FuzzStatement: no text makes the parser or the execution panic, and the keys that
// WHERE is looked for leave no row out.
func FuzzStatement(f *testing.F) {
	for _, text := range []string{"UPDATE t SET k=k+1 WHERE id BETWEEN 2 AND 3 LIMIT 1", "INSERT INTO t (id, k, c) VALUES (3, -4, 'c\\'')", "DELETE FROM t WHERE id<5 AND k>0 OR c='a'",
		"UPDATE t SET c=RPAD(SYSDATE(6),30,'-'), k=-k%3 WHERE NOT id=1 AND 2>=id", "UPDATE t SET k=FLOOR(RAND()*9) ORDER BY c DESC, id LIMIT 2", "DROP TABLE IF EXISTS t"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p := &player{o: options(nil), table: new(Table), name: "t", width: 30}
		p.session = session{now: p.o.Now, zone: p.o.Zone, rng: newRand(1)}
		for _, r := range three {
			p.table.Put(r.Key, r.K, r.C)
		}
		var s statement
		if s.parse(text) == nil && s.where >= 0 && !s.random && !s.clock {
			v := evaluator{exprs: s.exprs, session: &p.session}
			lo, hi := s.keys()
			for _, r := range three {
				if ok, err := v.chosen(&s, r); err == nil && ok && (r.Key < lo || r.Key > hi) {
					t.Errorf("%s: WHERE holds for row %d, which is looked for from %d to %d", text, r.Key, lo, hi)
				}
			}
		}
		if err := p.execute(&binlog.Query{SQL: text}); err != nil {
			var why refused
			if !errors.As(err, &why) {
				t.Errorf("%v; want it refused", err)
			}
		}
		n := uint64(0)
		for r := range p.table.All() {
			if n++; len(r.C) > 30 || r.Key > math.MaxInt64 {
				t.Errorf("row %d of %d bytes", r.Key, len(r.C))
			}
		}
		if n != p.table.Len() {
			t.Errorf("%d rows, Len() = %d", n, p.table.Len())
		}
	})
}

// In steady state a statement of a workload takes no memory.
func TestStatementAllocates(t *testing.T) {
	p := &player{o: options(nil), table: new(Table), name: "t", width: 30}
	for _, r := range three {
		p.table.Put(r.Key, r.K, r.C)
	}
	q := []*binlog.Query{{SQL: []byte("UPDATE t SET k=k+1 WHERE id=1")}, {SQL: []byte("UPDATE t SET c='abc' WHERE id=2")},
		{SQL: []byte("DELETE FROM t WHERE id=5")}, {SQL: []byte("INSERT INTO t (id, k, c) VALUES (5, 1, 'x')/*-------*/")}}
	if n := testing.AllocsPerRun(100, func() {
		for _, one := range q {
			if err := p.execute(one); err != nil {
				t.Fatal(err)
			}
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if !slices.IsSortedFunc(three, func(a, b binlog.Row) int { return order(a.Key, b.Key) }) {
		t.Error("the rows of the tests are in the order of their keys")
	}
}
