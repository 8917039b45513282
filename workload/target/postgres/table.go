package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"flushbench/workload"
	"flushbench/workload/target"
)

// table is the name of the one table of the workloads.
var table = target.Table(workload.TableName)

// Create implements target.Server. The table has sysbench's columns id, k and c; c is
// compared byte by byte, as our engine does. k has sysbench's index, but not for the
// workload bank, which sysbench does not know: with it no transfer could be a
// heap-only update. The rows are loaded by COPY FREEZE, as pgbench does, the indexes
// are built after them, and the table is vacuumed and analyzed.
func (s *server) Create(ctx context.Context, g *workload.Generator) error {
	if err := s.create(ctx, g); err != nil {
		if s.conn.TxStatus() != 'I' && !s.conn.IsClosed() {
			_ = exec(context.WithoutCancel(ctx), s.conn, "ROLLBACK") // err says more
		}
		return err
	}
	if err := exec(ctx, s.conn, "VACUUM (ANALYZE) "+table); err != nil {
		return wrap("vacuum "+table, err)
	}
	return nil
}

// tableWait bounds how long the table is waited for while somebody uses it.
const tableWait = "10s"

func (s *server) create(ctx context.Context, g *workload.Generator) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := s.drop(ctx); err != nil {
		return err
	}
	err := exec(ctx, s.conn, fmt.Sprintf(`CREATE TABLE %[1]s (id bigint NOT NULL, k bigint NOT NULL, c varchar(%[2]d) COLLATE "C" NOT NULL);
		COMMENT ON TABLE %[1]s IS %[3]s`, table, g.Spec().RowBytes, literal(target.Mark)))
	if err != nil {
		return s.tableError("create "+table, err)
	}
	if _, err := s.conn.CopyFrom(ctx, newRowReader(g), "COPY "+table+" (id, k, c) FROM STDIN (FORMAT binary, FREEZE)"); err != nil {
		return wrap("load "+table, err)
	}
	indexes := "ALTER TABLE " + table + " ADD PRIMARY KEY (id)"
	if g.Spec().Kind != workload.KindBank {
		indexes += "; CREATE INDEX " + table + "_k ON " + table + " (k)"
	}
	if err := exec(ctx, s.conn, indexes+"; COMMIT"); err != nil {
		return wrap("create the indexes of "+table, err)
	}
	return nil
}

// begin starts a transaction that gives up when the table is in use. What the
// database or the user has set for all sessions does not stop it.
func (s *server) begin(ctx context.Context) error {
	if err := exec(ctx, s.conn, "BEGIN READ WRITE; SET LOCAL lock_timeout = "+literal(tableWait)+"; SET LOCAL statement_timeout = 0"); err != nil {
		return wrap("begin", err)
	}
	return nil
}

// Drop implements target.Server.
func (s *server) Drop(ctx context.Context) error {
	err := s.begin(ctx)
	if err == nil {
		if err = s.drop(ctx); err == nil {
			if err = exec(ctx, s.conn, "COMMIT"); err == nil {
				return nil
			}
			err = wrap("drop "+table, err)
		}
	}
	if s.conn.TxStatus() != 'I' && !s.conn.IsClosed() {
		_ = exec(context.WithoutCancel(ctx), s.conn, "ROLLBACK") // err says more
	}
	return err
}

// drop removes the table if it is there and ours. REQUIRES: a transaction is open.
func (s *server) drop(ctx context.Context) error {
	found, err := rows(ctx, s.conn, `SELECT n.nspname, c.relkind, coalesce(obj_description(c.oid, 'pg_class'), '')
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)`, table)
	if err != nil {
		return wrap("look for "+table, err)
	}
	if len(found) == 0 {
		return nil
	}
	schema, relkind, comment := found[0][0], found[0][1], found[0][2]
	if relkind != "r" || comment != target.Mark {
		return fmt.Errorf("postgres: table %s.%s of database %s: %w: it does not have the comment %q; rename it or use another database",
			schema, table, s.address.Database, target.ErrNotOurs, target.Mark)
	}
	if err := exec(ctx, s.conn, "DROP TABLE "+identifier(schema)+"."+identifier(table)); err != nil {
		return s.tableError("drop "+table, err)
	}
	return nil
}

// tableError is wrap, with what the user lacks.
func (s *server) tableError(doing string, err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == statePrivilege {
		return fmt.Errorf("postgres: %s: %s: %w: GRANT CREATE ON SCHEMA public TO %s", doing, e.Message, target.ErrPrivilege, identifier(s.role))
	}
	return wrap(doing, err)
}

// Sums implements target.Server.
func (s *server) Sums(ctx context.Context) (target.Sums, error) {
	found, err := rows(ctx, s.conn, "SELECT count(*), coalesce(sum(k), 0)::bigint FROM "+table)
	if err != nil {
		return target.Sums{}, wrap("add up "+table, err)
	}
	n, errRows := strconv.ParseInt(found[0][0], 10, 64)
	k, errK := strconv.ParseInt(found[0][1], 10, 64)
	if err := errors.Join(errRows, errK); err != nil {
		return target.Sums{}, fmt.Errorf("postgres: add up %s: %w", table, err)
	}
	return target.Sums{Rows: n, K: k}, nil
}

// Rows implements target.Server, on a connection of its own.
func (s *server) Rows(ctx context.Context, f func(key uint64, k int64, c []byte) error) error {
	return s.fresh(ctx, func(c *pgconn.PgConn) error {
		r := c.ExecParams(ctx, "SELECT id, k, c FROM "+table+" ORDER BY id", nil, nil, nil, binaryFormat)
		for r.NextRow() {
			v := r.Values()
			if len(v) != 3 || len(v[0]) != 8 || len(v[1]) != 8 {
				return fmt.Errorf("postgres: table %s: its rows are not of two bigints and a text", table)
			}
			if err := f(binary.BigEndian.Uint64(v[0]), int64(binary.BigEndian.Uint64(v[1])), v[2]); err != nil {
				return abandon(c, err)
			}
		}
		if _, err := r.Close(); err != nil {
			return wrap("read "+table, err)
		}
		return nil
	})
}

// binaryFormat asks for results in binary.
var binaryFormat = []int16{1}

// abandon closes the socket under a result that nobody reads to its end, which
// may be long, and returns err.
func abandon(c *pgconn.PgConn, err error) error {
	_ = c.Conn().Close() // err says more
	return err
}

// rowReader makes the rows of a generator as COPY takes them in binary.
type rowReader struct {
	g    *workload.Generator
	key  uint64
	rows uint64
	buf  []byte // what is to be read next
	full []byte
}

// copyChunk is how much is made at a time.
const copyChunk = 64 << 10

func newRowReader(g *workload.Generator) *rowReader {
	r := &rowReader{g: g, rows: g.TableRows(), full: make([]byte, 0, copyChunk+64+g.Spec().RowBytes)}
	r.buf = append(r.full, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...) // no flags, no extension
	return r
}

// Read implements io.Reader.
func (r *rowReader) Read(p []byte) (int, error) {
	if len(r.buf) == 0 {
		if r.key > r.rows {
			return 0, io.EOF
		}
		r.fill()
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

// fill makes the next rows, and the end after the last.
func (r *rowReader) fill() {
	b := r.full[:0]
	for ; r.key < r.rows && len(b) < copyChunk; r.key++ {
		k, c := r.g.Row(r.key)
		b = binary.BigEndian.AppendUint16(b, 3)
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), r.key)
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(k))
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(c))), c...)
	}
	if r.key == r.rows {
		b = binary.BigEndian.AppendUint16(b, endOfCopy)
		r.key++
	}
	r.buf, r.full = b, b
}

// endOfCopy is the number of fields, -1, that ends COPY's data.
const endOfCopy = 0xffff
