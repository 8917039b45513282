package server

import (
	"slices"
	"strings"
	"testing"
)

const mariadbLog = `2026-11-21 21:27:29 0 [Note] InnoDB: Using io_uring
2026-11-21 21:27:29 0 [Note] InnoDB: Starting crash recovery from checkpoint LSN=45101,45101
2026-11-21 21:27:29 0 [Note] InnoDB: End of log at LSN=60833
2026-11-21 21:27:29 0 [Note] InnoDB: Starting final batch to recover 31 pages from redo log.
2026-11-21 21:27:29 0 [Note] /usr/sbin/mariadbd: ready for connections.
`

const mysqlLog = `2024-01-25T10:00:00.123456Z 0 [System] [MY-010116] [Server] mysqld (mysqld 8.0.36) starting as process 1
2024-01-25T10:00:00.223456Z 1 [System] [MY-013576] [InnoDB] InnoDB initialization has started.
2024-01-25T10:00:00.323456Z 0 [System] [MY-010229] [Server] Starting XA crash recovery...
2024-01-25T10:00:00.423456Z 0 [System] [MY-010232] [Server] XA crash recovery finished.
`

const postgresLog = `2026-11-21 21:41:39.350 UTC [18848] LOG:  database system was interrupted; last known up at 2026-11-21 21:41:38 UTC
2026-11-21 21:41:39.351 UTC [18849] FATAL:  the database system is starting up
2026-11-21 21:41:39.360 UTC [18848] LOG:  database system was not properly shut down; automatic recovery in progress
2026-11-21 21:41:39.361 UTC [18848] LOG:  redo starts at 0/192DEA0
2026-11-21 21:41:39.362 UTC [18848] LOG:  invalid record length at 0/1970F18: wanted 24, got 0
2026-11-21 21:41:39.362 UTC [18848] LOG:  redo done at 0/1970EE0 system usage: CPU: user: 0.00 s, system: 0.00 s, elapsed: 0.00 s
2026-11-21 21:41:39.370 UTC [18848] LOG:  checkpoint starting: end-of-recovery immediate wait
`

func TestRecovery(t *testing.T) {
	for _, c := range []struct {
		kind    *kind
		log     string
		crashed bool
		said    []string
	}{
		{mariadb, mariadbLog, true, []string{
			"InnoDB: Starting crash recovery from checkpoint LSN=45101,45101",
			"InnoDB: Starting final batch to recover 31 pages from redo log.",
		}},
		{mysql, mysqlLog, true, []string{"Starting XA crash recovery...", "XA crash recovery finished."}},
		{postgres, postgresLog, true, []string{
			"database system was interrupted; last known up at 2026-11-21 21:41:38 UTC",
			"database system was not properly shut down; automatic recovery in progress",
			"redo starts at 0/192DEA0",
			"invalid record length at 0/1970F18: wanted 24, got 0",
			"redo done at 0/1970EE0 system usage: CPU: user: 0.00 s, system: 0.00 s, elapsed: 0.00 s",
		}},
		{mariadb, "2026-11-21 21:27:29 0 [Note] /usr/sbin/mariadbd: ready for connections.\n", false, nil},
		{postgres, "2026-11-21 21:41:39.350 UTC [18848] LOG:  database system was shut down at 2026-11-21 21:41:39 UTC\n", false, nil},
	} {
		if got := c.kind.recovery(c.log); got.Crashed != c.crashed || !slices.Equal(got.Said, c.said) {
			t.Errorf("%v: %v, %q; want %v, %q", c.kind.product, got.Crashed, got.Said, c.crashed, c.said)
		}
	}
}

func TestCauses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "it said nothing"},
		{"no error", "one\n\ntwo\n", "it said: one; two"},
		{"the first errors", `2026-11-21 21:27:29 0 [Note] InnoDB: Using io_uring
2026-11-21 21:27:29 0 [ERROR] InnoDB: preallocating 33554432 bytes for file ./ib_logfile101 failed with error 28
2026-11-21 21:27:29 0 [ERROR] Plugin 'InnoDB' registration as a STORAGE ENGINE failed.
2026-11-21 21:27:29 0 [Note] bye
`, "it said: InnoDB: preallocating 33554432 bytes for file ./ib_logfile101 failed with error 28; Plugin 'InnoDB' registration as a STORAGE ENGINE failed."},
		{"our own tries are none", postgresLog + "2026-11-21 21:41:39.351 UTC [1] PANIC:  could not write\n", "it said: PANIC:  could not write"},
		{"initdb", "running bootstrap script ... initdb: error: could not write file: No space left on device\n", "it said: running bootstrap script ... initdb: error: could not write file: No space left on device"},
		{"no more than a few", strings.Repeat("FATAL:  x\n", 9), "it said: FATAL:  x; FATAL:  x; FATAL:  x; FATAL:  x"},
		{"not too long", strings.Repeat("x", 700) + "end\n", "it said: ..." + strings.Repeat("x", 597) + "end"},
	} {
		if got := causes(c.text).Error(); got != c.want {
			t.Errorf("%s: %s; want %s", c.name, got, c.want)
		}
	}
}
