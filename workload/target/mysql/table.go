package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"flushbench/workload"
	"flushbench/workload/target"
)

// batchBytes is about how long a statement is that loads rows; one row more than
// that at most. Servers take packets of at least 1 MiB unless told otherwise.
const batchBytes = 512 << 10

// table is the one table of the operations.
var table = target.Table(workload.TableName)

// Create implements target.Server. The table has sysbench's columns without its
// pad: c is VARBINARY, whose bytes no character set touches. Like sysbench's it
// has an index on k, but for the bank, which sysbench does not have: its k is the
// balance, and nobody looks for balances. The index is built after the rows.
func (s *Server) Create(ctx context.Context, g *workload.Generator) error {
	if err := s.Drop(ctx); err != nil {
		return err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.fail("create tables", err)
	}
	err = s.create(ctx, conn, g)
	return errors.Join(s.tableError("create "+table, err), conn.Close())
}

func (s *Server) create(ctx context.Context, conn *sql.Conn, g *workload.Generator) error {
	spec := g.Spec()
	_, err := conn.ExecContext(ctx, fmt.Sprintf(
		"CREATE TABLE %s (id BIGINT UNSIGNED NOT NULL, k BIGINT NOT NULL, c VARBINARY(%d) NOT NULL, PRIMARY KEY (id)) ENGINE=InnoDB COMMENT=%s",
		table, spec.RowBytes, literal([]byte(target.Mark))))
	if number(err) == erTableExists {
		return fmt.Errorf("%w: %w", target.ErrNotOurs, err) // one that the user may not see, or a new one
	}
	if err != nil {
		return err
	}
	if err := load(ctx, conn, g); err != nil {
		return err
	}
	if spec.Kind != workload.KindBank {
		_, err = conn.ExecContext(ctx, "CREATE INDEX k_1 ON "+table+" (k)")
	}
	return err
}

// load inserts the rows, many to a statement.
func load(ctx context.Context, conn *sql.Conn, g *workload.Generator) error {
	head := "INSERT INTO " + table + " (id, k, c) VALUES "
	batch := make([]byte, 0, batchBytes+2*workload.MaxRowBytes+len(head)+64)
	batch = append(batch, head...)
	for key := range g.TableRows() {
		k, c := g.Row(key)
		batch = append(strconv.AppendUint(append(batch, '('), key, 10), ',')
		batch = append(strconv.AppendInt(batch, k, 10), ',')
		batch = append(appendLiteral(batch, c), ')')
		if key+1 < g.TableRows() && len(batch) < batchBytes {
			batch = append(batch, ',')
			continue
		}
		if _, err := conn.ExecContext(ctx, string(batch)); err != nil {
			return err
		}
		batch = batch[:len(head)]
	}
	return nil
}

// appendLiteral appends bytes as a constant that reads the same under every
// sql_mode: quoted if there is nothing to escape, else in hexadecimal.
func appendLiteral(dst, c []byte) []byte {
	plain := true
	for _, b := range c {
		plain = plain && b >= ' ' && b < 0x7f && b != '\'' && b != '\\'
	}
	if plain {
		return append(append(append(dst, '\''), c...), '\'')
	}
	return append(fmt.Appendf(append(dst, "x'"...), "%x", c), '\'')
}

func literal(text []byte) string { return string(appendLiteral(nil, text)) }

// comment returns the comment on the table; none if there is no table.
func (s *Server) comment(ctx context.Context) (comment string, exists bool, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = "+
		literal([]byte(table))).Scan(&comment)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return comment, err == nil, err
}

// Drop implements target.Server.
func (s *Server) Drop(ctx context.Context) error {
	comment, exists, err := s.comment(ctx)
	switch {
	case err != nil:
		return s.fail("look for "+table, err)
	case !exists:
		return nil
	case comment != target.Mark:
		return fmt.Errorf("mysql: %s: table %s: %w (its comment is not %q); rename or drop it, or give another database", s.connector.address, table, target.ErrNotOurs, target.Mark)
	}
	_, err = s.db.ExecContext(ctx, "DROP TABLE "+table)
	return s.tableError("drop "+table, err)
}

// tableError adds the statement that grants what is missing.
func (s *Server) tableError(what string, err error) error {
	err = s.fail(what, err)
	if errors.Is(err, target.ErrPrivilege) {
		return fmt.Errorf("%w; GRANT CREATE, DROP, INDEX, SELECT, INSERT, UPDATE, DELETE ON `%s`.* TO %s",
			err, strings.ReplaceAll(s.connector.address.Database, "`", "``"), s.user)
	}
	return err
}

// Sums implements target.Server.
func (s *Server) Sums(ctx context.Context) (target.Sums, error) {
	var sums target.Sums
	err := s.db.QueryRowContext(ctx, "SELECT COUNT(*), COALESCE(SUM(k), 0) FROM "+table).Scan(&sums.Rows, &sums.K)
	return sums, s.fail("add up "+table, err)
}

// Rows implements target.Server.
func (s *Server) Rows(ctx context.Context, f func(key uint64, k int64, c []byte) error) error {
	rows, err := s.db.QueryContext(ctx, "SELECT id, k, c FROM "+table+" ORDER BY id")
	if err != nil {
		return s.fail("read "+table, err)
	}
	for rows.Next() {
		var key uint64
		var k int64
		var c sql.RawBytes
		if err := rows.Scan(&key, &k, &c); err != nil {
			return errors.Join(s.fail("read "+table, err), rows.Close())
		}
		if err := f(key, k, c); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return s.fail("read "+table, errors.Join(rows.Err(), rows.Close()))
}
