package workload

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func generator(t testing.TB, s Spec, clients int) *Generator {
	t.Helper()
	g, err := NewGenerator(7, s, clients)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// show prints a transaction in one line an operation, values as their checksum.
func show(t *Txn) string {
	var b strings.Builder
	for _, op := range t.Ops {
		fmt.Fprintf(&b, "%v %d", op.Kind, op.Key)
		if op.Kind.Ranges() {
			fmt.Fprintf(&b, " n=%d", op.N)
		}
		if op.Delta != 0 {
			fmt.Fprintf(&b, " %+d", op.Delta)
		}
		if op.Value != nil {
			fmt.Fprintf(&b, " %08x", crc32.ChecksumIEEE(op.Value))
		}
		fmt.Fprintf(&b, " %dB\n", op.SQLBytes)
	}
	if t.Rollback {
		b.WriteString("rollback\n")
	}
	return b.String()
}

// Results can only be compared if the same seed means the same transactions in
// every version: these must never change.
func TestGolden(t *testing.T) {
	for _, kind := range Kinds.All()[1:] {
		g := generator(t, Spec{Kind: kind}, 4)
		txn := g.NewTxn(0)
		var got strings.Builder
		for n := range uint64(2) {
			g.Next(1, n, txn)
			got.WriteString(show(txn) + "--\n")
		}
		if got.String() != golden1[kind] {
			t.Errorf("%v begins with\n%s; want\n%s", kind, got.String(), golden1[kind])
		}
	}
	g := generator(t, Spec{Kind: KindBank, Keys: Keys{Shape: KeysZipfian}}, 4)
	txn := g.NewTxn(0)
	var keys []uint64
	for n := range uint64(4) {
		g.Next(0, n, txn)
		keys = append(keys, txn.Ops[0].Key, txn.Ops[1].Key)
	}
	if want := goldenZipf; fmt.Sprint(keys) != want {
		t.Errorf("zipfian keys are %v; want %v", keys, want)
	}
	k, c := g.Row(5)
	k2, c2 := generator(t, Spec{Kind: KindUpdate}, 1).Row(5)
	if k != 1000 || !bytes.Equal(c, c2) || fmt.Sprintf("%d %s", k2, c[:24]) != goldenRow {
		t.Errorf("row 5 is %d %s, of the bank %d; want %s, 1000", k2, c[:24], k, goldenRow)
	}
}

// What each workload does, when nothing is asked for: sysbench's transactions.
func TestDefaults(t *testing.T) {
	writes := []OpKind{OpUpdateK, OpUpdateC, OpDelete, OpInsert}
	var reads []OpKind
	for range 10 {
		reads = append(reads, OpRead)
	}
	reads = append(reads, OpRange, OpRangeSum, OpRangeOrder, OpRangeDistinct)
	for kind, want := range map[Kind][]OpKind{
		KindBank:      {OpUpdateK, OpUpdateK},
		KindUpdate:    {OpUpdateC},
		KindInsert:    {OpInsert},
		KindWriteOnly: writes,
		KindReadWrite: append(reads, writes...),
	} {
		g := generator(t, Spec{Kind: kind}, 1)
		s := g.Spec()
		if s.Rows != 100_000 || s.RowBytes != 120 || s.Keys.String() != "uniform" || s.MaxOps() != len(want) {
			t.Errorf("%v: %+v, %d operations; want 100000 rows of 120 bytes, uniform, %d operations", kind, s, s.MaxOps(), len(want))
		}
		txn := g.NewTxn(0)
		for n := range uint64(50) {
			g.Next(0, n, txn)
			var got []OpKind
			for i, op := range txn.Ops {
				got = append(got, op.Kind)
				if op.Table != "sbtest1" || (op.Kind != OpInsert || kind != KindInsert) && op.Key >= s.Rows {
					t.Errorf("%v: %+v", kind, op)
				}
				if op.Kind == OpDelete && txn.Ops[i+1].Key != op.Key {
					t.Errorf("%v: deleted %d, inserted %d; want the same row", kind, op.Key, txn.Ops[i+1].Key)
				}
				if op.Kind == OpUpdateK && kind != KindBank && op.Delta != 1 || op.Kind.Ranges() && op.N != 100 {
					t.Errorf("%v: %v adds %d, reads %d rows; want 1 and 100", kind, op.Kind, op.Delta, op.N)
				}
				if v := op.Kind == OpUpdateC || op.Kind == OpInsert; v != (len(op.Value) == 120) || op.Unsafe {
					t.Errorf("%v: %v has %d bytes, unsafe %v", kind, op.Kind, len(op.Value), op.Unsafe)
				}
			}
			if !reflect.DeepEqual(got, want) || txn.Rollback || txn.Unsafe || !txn.Writes() {
				t.Fatalf("%v: transaction %+v; want %v", kind, txn, want)
			}
		}
	}
}

func TestSpecErrors(t *testing.T) {
	for want, s := range map[string]Spec{
		"workload log has no table":                    {},
		"workload workload(9) has no table":            {Kind: 9},
		"1 row: bank moves":                            {Kind: KindBank, Rows: 1},
		"3 rows per transaction: must be even":         {Kind: KindBank, RowsPerTxn: 3},
		"-1 rows per transaction: must be 1 to 10000":  {Kind: KindUpdate, RowsPerTxn: -1},
		"10001 rows per transaction":                   {Kind: KindUpdate, RowsPerTxn: 10_001},
		"4294967297 rows: must be 1 to 4294967296":     {Kind: KindUpdate, Rows: MaxRows + 1},
		"rows of 16001 bytes: must be 1 to 16000":      {Kind: KindUpdate, RowBytes: 16_001},
		"rows of -1 bytes":                             {Kind: KindUpdate, RowBytes: -1},
		"statements of 1048577 bytes: must be 0":       {Kind: KindUpdate, StatementBytes: MaxStatementBytes + 1},
		"share 1.5: must be 0 to 1, or 0% to 100% (re": {Kind: KindUpdate, ReadShare: 1.5},
		"share -1: must be 0 to 1, or 0% to 100% (rol": {Kind: KindUpdate, RollbackShare: -1},
		"share 2: must be 0 to 1, or 0% to 100% (uns":  {Kind: KindUpdate, UnsafeShare: 2},
		"zipfian:2: theta must be 0.01 to 0.999":       {Kind: KindUpdate, Keys: Keys{Shape: KeysZipfian, Theta: 2}},
		"illegal shape 9":                              {Kind: KindUpdate, Keys: Keys{Shape: 9}},
	} {
		if _, err := NewGenerator(1, s, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewGenerator(%+v) = %v; want %q", s, err, want)
		}
	}
	if _, err := NewGenerator(1, Spec{Kind: KindUpdate}, 0); err == nil {
		t.Error("a generator for 0 clients: no error")
	}
}

// drawSpec draws a legal spec of a small table.
func drawSpec(t *rapid.T) Spec {
	share := rapid.SampledFrom([]Share{0, 0.3, 1})
	s := Spec{
		Kind: rapid.SampledFrom(Kinds.All()[1:]).Draw(t, "kind"), Rows: rapid.Uint64Range(2, 50).Draw(t, "rows"),
		RowBytes: rapid.IntRange(1, 300).Draw(t, "row bytes"), RowsPerTxn: rapid.IntRange(0, 6).Draw(t, "rows per txn"),
		ReadShare: share.Draw(t, "reads"), RollbackShare: share.Draw(t, "rollbacks"), UnsafeShare: share.Draw(t, "unsafe"),
		StatementBytes: rapid.SampledFrom([]int{0, 40, 1000}).Draw(t, "statement"),
	}
	if s.Kind == KindBank {
		s.RowsPerTxn -= s.RowsPerTxn % 2
	}
	text := rapid.SampledFrom([]string{"uniform", "zipfian", "latest", "hotspot", "hotspot:0.01,1"}).Draw(t, "keys")
	if err := s.Keys.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return s
}

// A transaction is the same whenever and by whomever it is made; the shares
// change no key; all statements of all kinds have the length that they say.
func TestTransactionsAreReproducible(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSpec(rt)
		clients := rapid.IntRange(1, 5).Draw(rt, "clients")
		seed := rapid.Uint64().Draw(rt, "seed")
		made := func() (*Generator, *Txn) {
			g, err := NewGenerator(seed, s, clients)
			if err != nil {
				rt.Fatal(err)
			}
			return g, g.NewTxn(0)
		}
		a, x := made()
		b, y := made()
		plain := s
		plain.RollbackShare, plain.UnsafeShare, plain.StatementBytes = 0, 0, 0
		g, err := NewGenerator(seed, plain, clients)
		if err != nil {
			rt.Fatal(err)
		}
		z := &Txn{}
		for range 20 {
			client := uint32(rapid.IntRange(0, clients-1).Draw(rt, "client"))
			n := rapid.Uint64Range(0, 1000).Draw(rt, "n")
			a.Next(client, n, x)
			b.Next(client, n+1, y) // something else in between
			b.Next(client, n, y)
			if !reflect.DeepEqual(x, y) {
				rt.Fatalf("Next(%d, %d) = %+v, then %+v", client, n, x, y)
			}
			g.Next(client, n, z)
			checkTxn(rt, a, x, z)
		}
	})
}

// checkTxn checks a transaction against its spec, and against the one that
// the same seed gives without rollbacks, unsafe and long statements.
func checkTxn(rt *rapid.T, g *Generator, x, plain *Txn) {
	s := g.Spec()
	if len(x.Ops) > s.MaxOps() || len(x.Ops) != len(plain.Ops) || len(x.Ops) == 0 {
		rt.Fatalf("%d operations; want %d, at most %d", len(x.Ops), len(plain.Ops), s.MaxOps())
	}
	if x.Rollback && (!x.Writes() || s.RollbackShare == 0) || s.RollbackShare == 1 && x.Writes() && !x.Rollback {
		rt.Fatalf("rollback %v of a transaction that writes: %v, share %v", x.Rollback, x.Writes(), s.RollbackShare)
	}
	if s.ReadShare == 1 && x.Writes() || s.ReadShare == 0 && !x.Writes() {
		rt.Fatalf("it writes: %v, with a read share of %v", x.Writes(), s.ReadShare)
	}
	unsafe, sum := false, int64(0)
	for i, op := range x.Ops {
		q := plain.Ops[i]
		if op.Kind != q.Kind || op.Key != q.Key || op.Delta != q.Delta || !bytes.Equal(op.Value, q.Value) {
			rt.Fatalf("operation %d: %+v; without shares %+v", i, op, q)
		}
		unsafe = unsafe || op.Unsafe
		if op.Unsafe && (!op.Kind.Writes() || s.UnsafeShare == 0) || !op.Unsafe && op.Kind.Writes() && s.UnsafeShare == 1 {
			rt.Fatalf("%v is unsafe: %v, share %v", op.Kind, op.Unsafe, s.UnsafeShare)
		}
		if sql := op.AppendSQL([]byte("x")); len(sql)-1 != op.SQLBytes || op.SQLBytes < s.StatementBytes {
			rt.Fatalf("%q has %d bytes; want %d, at least %d", sql[1:], len(sql)-1, op.SQLBytes, s.StatementBytes)
		}
		if s.Kind == KindBank && op.Kind == OpUpdateK {
			sum += op.Delta
			if i%2 == 1 && (op.Key == x.Ops[i-1].Key || op.Delta < 1 || op.Delta > MaxAmount) {
				rt.Fatalf("transfer %+v, %+v", x.Ops[i-1], op)
			}
		}
	}
	if unsafe != x.Unsafe || sum != 0 {
		rt.Fatalf("unsafe %v, want %v; the transfers add up to %d, want 0", x.Unsafe, unsafe, sum)
	}
}

// The bank's total is what the rows hold in the beginning, and stays.
func TestBankTotal(t *testing.T) {
	g := generator(t, Spec{Kind: KindBank, Rows: 50, RowsPerTxn: 4}, 3)
	balance, total := make([]int64, 50), int64(0)
	for key := range balance {
		balance[key], _ = g.Row(uint64(key))
		total += balance[key]
	}
	txn := g.NewTxn(0)
	for n := range uint64(1000) {
		g.Next(uint32(n%3), n, txn)
		for _, op := range txn.Ops {
			balance[op.Key] += op.Delta
		}
	}
	sum, moved := int64(0), 0
	for _, b := range balance {
		sum += b
		if b != InitialBalance {
			moved++
		}
	}
	if total != g.Total() || sum != total || moved < 40 {
		t.Errorf("total %d, after the transfers %d, %d rows changed; want %d, the same, most", total, sum, moved, g.Total())
	}
}

// No two inserts of any clients have a key in common, nor one with a row that
// was there.
func TestInsertsNeverCollide(t *testing.T) {
	g := generator(t, Spec{Kind: KindInsert, Rows: 10, RowsPerTxn: 3, ReadShare: 0.2}, 5)
	seen := map[uint64]bool{}
	txn := g.NewTxn(0)
	for client := range uint32(5) {
		for n := range uint64(200) {
			g.Next(client, n, txn)
			for _, op := range txn.Ops {
				if op.Kind == OpInsert && (op.Key < 10 || seen[op.Key]) {
					t.Fatalf("client %d, transaction %d inserts row %d, which is there", client, n, op.Key)
				}
				seen[op.Key] = op.Kind == OpInsert
			}
		}
	}
}

// Shares come out as asked for.
func TestShares(t *testing.T) {
	const many = 40_000
	g := generator(t, Spec{Kind: KindWriteOnly, ReadShare: 0.3, RollbackShare: 0.1, UnsafeShare: 0.25}, 2)
	txn := g.NewTxn(0)
	var reads, rollbacks, writes, unsafe float64
	for n := range uint64(many) {
		g.Next(uint32(n%2), n/2, txn)
		if !txn.Writes() {
			reads++
			continue
		}
		if txn.Rollback {
			rollbacks++
		}
		for _, op := range txn.Ops {
			writes++
			if op.Unsafe {
				unsafe++
			}
		}
	}
	for name, c := range map[string][2]float64{
		"reads": {reads / many, 0.3}, "rollbacks": {rollbacks / (many - reads), 0.1}, "unsafe": {unsafe / writes, 0.25},
	} {
		if c[0] < c[1]-0.01 || c[0] > c[1]+0.01 {
			t.Errorf("%s: %.3f; want %.3f", name, c[0], c[1])
		}
	}
}

// c looks like sysbench's, and needs no escaping in SQL.
func TestValues(t *testing.T) {
	g := generator(t, Spec{Kind: KindUpdate, RowBytes: 119}, 1)
	like := regexp.MustCompile(`^([0-9]{11}-){9}[0-9]{11}$`)
	distinct := map[string]bool{}
	for key := range uint64(2000) {
		k, c := g.Row(key)
		distinct[string(c)] = true
		if !like.Match(c) || k < 1 || k > 100_000 {
			t.Fatalf("row %d: k %d, c %q", key, k, c)
		}
	}
	if len(distinct) < 1500 {
		t.Errorf("2000 rows have %d different c", len(distinct))
	}
}

func TestStatements(t *testing.T) {
	c := []byte("12-3")
	for want, op := range map[string]Op{
		"SELECT c FROM t WHERE id=7":                                     {Kind: OpRead, Key: 7},
		"SELECT c FROM t WHERE id=7 FOR UPDATE":                          {Kind: OpReadForUpdate, Key: 7},
		"SELECT c FROM t WHERE id BETWEEN 7 AND 106":                     {Kind: OpRange, Key: 7, N: 100},
		"SELECT SUM(k) FROM t WHERE id BETWEEN 7 AND 7":                  {Kind: OpRangeSum, Key: 7, N: 1},
		"SELECT c FROM t WHERE id BETWEEN 7 AND 106 ORDER BY c":          {Kind: OpRangeOrder, Key: 7, N: 100},
		"SELECT DISTINCT c FROM t WHERE id BETWEEN 7 AND 106 ORDER BY c": {Kind: OpRangeDistinct, Key: 7, N: 100},
		"UPDATE t SET c='12-3' WHERE id=10":                              {Kind: OpUpdateC, Key: 10, Value: c},
		"UPDATE t SET k=k+1 WHERE id=0":                                  {Kind: OpUpdateK, Delta: 1},
		"UPDATE t SET k=k-25 WHERE id=0":                                 {Kind: OpUpdateK, Delta: -25},
		"UPDATE t SET k=k+0 WHERE id=99":                                 {Kind: OpUpdateK, Key: 99},
		"INSERT INTO t (id, k, c) VALUES (5, -3, '12-3')":                {Kind: OpInsert, Key: 5, Delta: -3, Value: c},
		"INSERT INTO t (id, k, c) VALUES (5, 30, '12-3')":                {Kind: OpInsert, Key: 5, Delta: 30, Value: c},
		"DELETE FROM t WHERE id=18446744073709551615":                    {Kind: OpDelete, Key: 1<<64 - 1},
		"": {Kind: OpAppend, Value: c},
	} {
		op.Table = "t"
		if got := string(op.AppendSQL(nil)); got != want || op.Kind != OpAppend && op.sqlBytes() != len(want) {
			t.Errorf("AppendSQL(%+v) = %q, %d bytes; want %q, %d", op, got, op.sqlBytes(), want, len(want))
		}
	}
	for n, want := range map[int]string{25: "", 26: "", 27: " ", 29: "   ", 30: "/**/", 33: "/*---*/"} {
		op := Op{Kind: OpRead, Table: "t", Key: 7, SQLBytes: n}
		if got := string(op.AppendSQL(nil)); got != "SELECT c FROM t WHERE id=7"+want {
			t.Errorf("filled up to %d bytes: %q; want %q in the end", n, got, want)
		}
	}
}

// Making a transaction allocates nothing.
func TestNextAllocs(t *testing.T) {
	for _, kind := range Kinds.All()[1:] {
		for _, text := range []string{"uniform", "zipfian", "latest", "hotspot"} {
			s := Spec{Kind: kind, ReadShare: 0.2, RollbackShare: 0.2, UnsafeShare: 0.2, RowsPerTxn: 4}
			if err := s.Keys.UnmarshalText([]byte(text)); err != nil {
				t.Fatal(err)
			}
			g := generator(t, s, 2)
			txn := g.NewTxn(1)
			n := uint64(0)
			if a := testing.AllocsPerRun(200, func() { g.Next(1, n, txn); n++ }); a != 0 {
				t.Errorf("%v, %s: Next allocates %v times; want 0", kind, text, a)
			}
		}
	}
}

func TestKinds(t *testing.T) {
	for _, k := range Kinds.All() {
		text, err := k.MarshalText()
		var back Kind
		if err != nil || back.UnmarshalText(text) != nil || back != k || k.Transactional() != (k != KindLog) {
			t.Errorf("%v does not read back from %q, or is transactional: %v", k, text, k.Transactional())
		}
	}
	for name, want := range map[string]Kind{"oltp_update_non_index": KindUpdate, "oltp_insert": KindInsert, "oltp_write_only": KindWriteOnly, "oltp_read_write": KindReadWrite} {
		var k Kind
		if err := k.UnmarshalText([]byte(name)); err != nil || k != want {
			t.Errorf("%s = %v, %v; want %v", name, k, err, want)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	for _, text := range []string{"uniform", "zipfian", "hotspot"} {
		b.Run("kind=bank/keys="+text, func(b *testing.B) {
			s := Spec{Kind: KindBank}
			if err := s.Keys.UnmarshalText([]byte(text)); err != nil {
				b.Fatal(err)
			}
			g := generator(b, s, 2)
			txn := g.NewTxn(1)
			n := uint64(0)
			for b.Loop() {
				g.Next(1, n, txn)
				n++
			}
		})
	}
}

// A stream has transactions of its own, the same each time, on the same rows.
func TestStream(t *testing.T) {
	g, err := NewGenerator(7, Spec{Kind: KindBank, Rows: 1000, Notes: true}, 2)
	if err != nil {
		t.Fatal(err)
	}
	one, again, other := g.Stream(1), g.Stream(1), g.Stream(2)
	for key := range g.TableRows() {
		k, c := g.Row(key)
		if k1, c1 := one.Row(key); k != k1 || string(c) != string(c1) {
			t.Fatalf("row %d differs", key)
		}
	}
	text := func(g *Generator) string {
		txn := g.NewTxn(1)
		g.Next(1, 5, txn)
		return fmt.Sprint(txn.Ops)
	}
	if text(one) != text(again) || text(one) == text(other) || text(one) == text(g) {
		t.Errorf("transactions:\n%s\n%s\n%s\n%s\nwant the first two alike alone", text(one), text(again), text(other), text(g))
	}
}
