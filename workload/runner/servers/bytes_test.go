package servers

import (
	"testing"
	"time"

	"flushbench/workload"
	"flushbench/workload/target"
)

// A private server needs room for what its cells add to its tables in all rounds, but
// for the binlogs of two cells alone.
func TestNeedsOfServers(t *testing.T) {
	cell := func(label string, kind workload.Kind, sync int, product target.Product) Cell {
		load := workload.Spec{Kind: kind, Rows: 200, RowBytes: 40}
		if err := load.Validate(); err != nil {
			t.Fatal(err)
		}
		return Cell{
			Asked: Asked{Server: label, Product: product, Pair: target.Pair{Policy: 1, SyncBinlog: sync}},
			Load:  load, Clients: 4, Length: time.Second,
		}
	}
	need := func(rounds int, cells ...Cell) int64 { return Needs(cells, rounds) }
	maria := cell("m", workload.KindUpdate, 1, target.MariaDB)
	pages, events := maria.grows()
	if pages != 0 || events <= 0 {
		t.Errorf("an update adds %d bytes of pages and %d of binlog; want none, some", pages, events)
	}
	one := need(1, maria)
	if want := emptyBytes(target.MariaDB) + maria.tableBytes() + 2*events; one != want {
		t.Errorf("one cell needs %d; want %d", one, want)
	}
	if n := need(10, maria, maria, maria); n != one {
		t.Errorf("3 cells and 10 rounds of updates need %d; want %d, as one: binlogs are removed", n, one)
	}
	insert := cell("m", workload.KindInsert, -1, target.MariaDB)
	if n, more := need(1, insert), need(3, insert); more-n != 2*(n-emptyBytes(target.MariaDB)-insert.tableBytes()) || more <= n {
		t.Errorf("inserts need %d in one round and %d in three; want what they add twice more", n, more)
	}
	buffered := maria
	buffered.Buffering = "on"
	if n := need(1, maria, buffered); n != 2*one {
		t.Errorf("two servers need %d; want %d", n, 2*one)
	}
	theirs := cell("t", workload.KindUpdate, 1, 0)
	if n, more := need(1, theirs), need(2, theirs); n >= one || more <= n {
		t.Errorf("a server that runs already needs %d in one round and %d in two; want what they add", n, more)
	}
	theirs.Away = true
	if n := need(5, theirs); n != 0 {
		t.Errorf("a server elsewhere needs %d here; want nothing", n)
	}
	maria.Rate = 10
	if _, slow := maria.grows(); slow >= events {
		t.Errorf("10 transactions a second add %d bytes of binlog, a closed loop %d", slow, events)
	}
}
