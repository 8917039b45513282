package report

import (
	"fmt"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// labOnServer is lab's crashes of a server.
func labOnServer() *result.Result {
	r := lab()
	for i := range r.Cells {
		r.Cells[i].Params.Target, r.Cells[i].Params.FlushMethod = "mariadb", ""
		r.Cells[i].Crash.Server = &result.CrashServer{Product: "mariadb", Timer: "innodb_flush_log_at_timeout", TimerNS: 1000 * ms}
	}
	for i := range r.CrashTrials {
		x := &r.CrashTrials[i]
		s := *r.Cells[0].Crash.Server
		s.Version, s.LogFlags, s.LogWritten, s.LogUnwritten, s.RecoveryNS = "10.11.14-MariaDB", "O_DIRECT", ptr(int64(2<<20)), ptr(int64(30<<20)), 420*ms
		x.AtRiskAtCrash, x.Server, x.Lost, x.Missing, x.BinlogAhead = nil, &s, x.BinlogAhead, x.BinlogAhead, 0
	}
	stats.SummarizeCrashes(r)
	return r
}

// A server's trials have what is known of it in place of what was at risk.
func TestTrialsOfServers(t *testing.T) {
	for _, c := range []struct {
		r    *result.Result
		want string
	}{
		{lab(), "[cell trial at s clients acknowledged lost oldest at risk engine ahead binlog ahead verdict]"},
		{labOnServer(), "[cell trial at s clients acknowledged lost oldest log unwritten recovery s verdict]"},
	} {
		x := trials(c.r)
		var heads []string
		for _, col := range x.Columns {
			heads = append(heads, col.Head)
		}
		if got := fmt.Sprint(heads); got != c.want {
			t.Errorf("columns %s; want %s", got, c.want)
		}
		for _, row := range x.Rows {
			if len(row) != len(heads) {
				t.Errorf("row %q for the columns %q", row, heads)
			}
		}
	}
	if row := trials(labOnServer()).Rows[0]; fmt.Sprint(row[7:10]) != "[O_DIRECT 30.0 MiB 0.42]" {
		t.Errorf("row %q", row)
	}
}
