// Package target says what flushbench needs of an SQL server under test: who it
// is, what it promises, what it counts, and tables to work on. Packages mysql
// and postgres keep it for MariaDB, MySQL and PostgreSQL.
//
// It opens no connection and starts no server. What the servers have in common
// stands here: the interface, addresses, the marks of our tables, the settings
// that are to be put back.
//
// INVARIANT: no password leaves an Address but into a connection: not in its
// String, not in an error, not in a result.
package target

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"flushbench/engine/axis"
	"flushbench/workload"
)

// Product is what a server is.
type Product uint8

// The products.
const (
	MariaDB Product = iota + 1
	MySQL
	PostgreSQL
)

// Products is the table of products.
var Products = axis.Table[Product]{
	Axis: "server",
	Values: []axis.Value[Product]{
		{Value: MariaDB, Name: "mariadb", Alias: []string{"mariadbd"}, Help: "MariaDB"},
		{Value: MySQL, Name: "mysql", Alias: []string{"mysqld"}, Help: "MySQL"},
		{Value: PostgreSQL, Name: "postgres", Alias: []string{"postgresql"}, Help: "PostgreSQL"},
	},
}

// String returns the name of p.
func (p Product) String() string { return Products.Name(p) }

// MarshalText implements encoding.TextMarshaler.
func (p Product) MarshalText() ([]byte, error) { return Products.MarshalText(p) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Product) UnmarshalText(text []byte) error { return Products.UnmarshalText(p, text) }

// Info is who a server is.
type Info struct {
	Product Product
	Version string // as the server says it: 10.11.19-MariaDB-0+deb12u1
	Major   int    // 10
	Minor   int    // 11 (0 for PostgreSQL, whose second number is a patch)
	PID     int    // as the server says; 0: it does not
	Local   bool   // it is reached over a unix socket or the loopback address
	// Folders as the server names them, on its machine; "": unknown. DataDir
	// holds the pages, LogDir the redo log, BinlogDir the binlog ("" without
	// one, and for PostgreSQL always).
	DataDir, LogDir, BinlogDir string
}

// Counters are what a server counts, each only growing; -1: it does not count
// that.
type Counters struct {
	Commits   int64 // transactions that changed something
	Rollbacks int64
	// Flushes is every fsync and fdatasync that the server says it called, on
	// all of its files. RedoFlushes and BinlogFlushes are parts of it.
	Flushes, RedoFlushes, BinlogFlushes int64
	RedoBytes, BinlogBytes              int64
	// Deadlocks that a transaction was rolled back for.
	Deadlocks int64
}

// Sub returns what was counted since before; -1 stays -1.
func (c Counters) Sub(before Counters) Counters {
	sub := func(a, b int64) int64 {
		if a < 0 || b < 0 {
			return -1
		}
		return a - b
	}
	return Counters{
		Commits: sub(c.Commits, before.Commits), Rollbacks: sub(c.Rollbacks, before.Rollbacks),
		Flushes: sub(c.Flushes, before.Flushes), RedoFlushes: sub(c.RedoFlushes, before.RedoFlushes),
		BinlogFlushes: sub(c.BinlogFlushes, before.BinlogFlushes),
		RedoBytes:     sub(c.RedoBytes, before.RedoBytes), BinlogBytes: sub(c.BinlogBytes, before.BinlogBytes),
		Deadlocks: sub(c.Deadlocks, before.Deadlocks),
	}
}

// Pair is what is asked of a server's durability: the policy as
// innodb_flush_log_at_trx_commit names it, and sync_binlog.
type Pair struct {
	Policy     int // 0 to 3
	SyncBinlog int // -1: leave the binlog as it is
}

// String returns 1/1, or 1 when the binlog is left alone.
func (p Pair) String() string {
	if p.SyncBinlog < 0 {
		return fmt.Sprint(p.Policy)
	}
	return fmt.Sprintf("%d/%d", p.Policy, p.SyncBinlog)
}

// Sums are what a table comes to.
type Sums struct {
	Rows int64
	K    int64 // sum of the column k
}

// Server is a connection to a server under test that may look and set, beside
// the connections of the clients. Safe for use by one goroutine at a time.
type Server interface {
	// Info returns what was found at the connection.
	Info() Info
	// Settings reads every variable that bears on durability, and those that
	// explain it, in a fixed order. A variable that this version does not know
	// is left out.
	Settings(ctx context.Context) (Settings, error)
	// Meaning returns the variables that make the server keep p. A pair that it
	// has nothing for is an error that names what it has.
	Meaning(p Pair) (Settings, error)
	// Change sets variables for the whole server and returns what the values
	// were before, in the order in which they were changed. Values that are as
	// wanted already are left alone and not returned. Without the privilege the
	// error wraps ErrPrivilege and holds the statement that would grant it; then
	// nothing was changed.
	Change(ctx context.Context, want Settings) (before Settings, err error)
	// Counters reads the server's counters.
	Counters(ctx context.Context) (Counters, error)
	// Others names the clients that are connected beside us, one line each.
	Others(ctx context.Context) ([]string, error)

	// Create makes the tables of g, with the rows that its transactions begin
	// with, in the database of the address. It refuses, with an error that
	// wraps ErrNotOurs, to touch a table that flushbench did not make; one that
	// it did make is dropped first.
	Create(ctx context.Context, g *workload.Generator) error
	// Sums reads the table of Create.
	Sums(ctx context.Context) (Sums, error)
	// Rows calls f for every row, in the order of the keys. c is valid until f
	// returns. An error of f ends it and is returned.
	Rows(ctx context.Context, f func(key uint64, k int64, c []byte) error) error
	// Drop removes the tables of Create. Without any it does nothing.
	Drop(ctx context.Context) error
	// Target returns a target for clients sessions on the tables of Create.
	// seqs, unless nil, holds for each client how many transactions of g it has
	// run already. Closing the target leaves the Server open.
	Target(g *workload.Generator, clients int, seqs []uint64) (workload.Target, error)

	Close() error
}

// Interrupter is what the target of a Server also implements if sessions that
// wait for a server that does not answer can be ended from outside.
type Interrupter interface {
	// Interrupt breaks the connections of all sessions: what runs on one ends
	// with an error that wraps ErrConnectionLost, and so does Connect from then
	// on. Safe for concurrent use, and to call twice.
	Interrupt()
}

// Reader is what a Server also implements if it can tell the values of variables
// that Settings leaves out.
type Reader interface {
	// Values reads the variables of these names, which are spelt as for Change;
	// those that the server does not have, or does not show, are left out.
	Values(ctx context.Context, names []string) (Settings, error)
}

// Trimmer is what a Server also implements if what it writes for replicas piles up
// on its disk. It is for private servers.
type Trimmer interface {
	// Trim removes all of that but what is being written.
	Trim(ctx context.Context) error
}

// Errors that a Server wraps.
var (
	// ErrPrivilege: the user may not do that. The error's text ends with the
	// statement that would allow it.
	ErrPrivilege = errors.New("missing privilege")
	// ErrNotOurs: a table of that name exists and is not marked as ours.
	ErrNotOurs = errors.New("not made by flushbench")
	// ErrConnectionLost: the server went away; whether the transaction under
	// way was committed is not known.
	ErrConnectionLost = errors.New("connection lost")
	// ErrReadOnly: the server refuses changes.
	ErrReadOnly = errors.New("server is read only")
	// ErrTooManyConnections: the server takes no more sessions.
	ErrTooManyConnections = errors.New("too many connections")
	// ErrNoSpace: the server's disk is full.
	ErrNoSpace = errors.New("no space left on the server's disk")
)

// Failure names the kind of an error of a session, for counting: deadlock, lock
// wait timeout, connection lost, read only, too many connections, no space,
// other.
func Failure(err error) string {
	for _, k := range []struct {
		is   error
		name string
	}{
		{workload.ErrDeadlock, "deadlock"},
		{workload.ErrLockWaitTimeout, "lock wait timeout"},
		{ErrConnectionLost, "connection lost"},
		{ErrReadOnly, "read only"},
		{ErrTooManyConnections, "too many connections"},
		{ErrNoSpace, "no space"},
	} {
		if errors.Is(err, k.is) {
			return k.name
		}
	}
	return "other"
}

// Mark is the comment on each table that flushbench made; what it does not
// stand on is left alone.
const Mark = "made by flushbench; dropped at the end of its run"

// TablePrefix begins the name of each table on a server. The table of
// operations on workload.TableName is TablePrefix + workload.TableName.
const TablePrefix = "flushbench_"

// Table returns the name on the server of a table of operations.
func Table(name string) string { return TablePrefix + strings.ToLower(name) }
