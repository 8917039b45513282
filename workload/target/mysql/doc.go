// Package mysql keeps target.Server for MariaDB and MySQL, on go-sql-driver/mysql.
//
// Three kinds of connections. Two are behind database/sql, which connects again after
// the server was away: one looks, and sends nothing but SELECT and SHOW; one sets and
// makes tables, and is there only when it is needed. The third is one for each client's
// session, used through the driver itself, because a pool's locks, contexts and copies
// cost CPU that a client on the server's machine takes from the server.
//
// A session does what sysbench does: statements prepared when it connects, a
// transaction of one statement in autocommit (oltp_update_non_index and oltp_insert
// know no BEGIN), one of several between BEGIN and COMMIT, each statement a round
// trip of its own. Rows that are read are received and thrown away. What a server
// has no statement for, the log of workload log, it refuses.
//
// It starts no server, keeps no files and decides nothing: what is changed, when it
// is put back and whether others may be disturbed is the caller's business.
//
// INVARIANT: a table whose comment is not target.Mark is never written to and never
// dropped. INVARIANT: settings are changed with SET GLOBAL alone, so a restart of the
// server puts its own configuration back.
package mysql
