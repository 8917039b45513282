// Package postgres keeps target.Server for PostgreSQL, on the wire protocol of
// pgx: what a server is and promises, its settings changed and put back, what it
// counts, and the tables and sessions of the workloads.
//
// It starts no server, opens no file and does not judge what it reads. What it
// was written against: PostgreSQL 15; of 10 to 18 it knows what their manuals say
// about the views and settings it reads.
//
// A session does what `pgbench -M prepared` does: it prepares each statement once
// and then sends one at a time and waits for its answer, BEGIN and COMMIT among
// them. A transaction of one statement is sent without BEGIN and COMMIT, as
// sysbench's oltp_update_non_index and oltp_insert do.
//
// INVARIANTS
//   - No password is in an error or in what String returns.
//   - A table without target.Mark is never changed.
//   - A transaction whose COMMIT was sent and not answered is reported as
//     target.ErrConnectionLost, never as failed.
package postgres
