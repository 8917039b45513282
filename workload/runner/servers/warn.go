package servers

import (
	"fmt"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
	"flushbench/workload/target"
)

// hardlyFaster is up to which ratio to policy 1 a policy 2 counts as one that waits for
// the device too.
const hardlyFaster = 1.1

// WarnOfDirectLog explains a policy 2 that is hardly faster than policy 1, or slower,
// on a MariaDB whose redo log bypasses the page cache: the write that policy 2 waits
// for goes to the device.
func WarnOfDirectLog(r *result.Result) {
	all := verdict.SideBySide(r)
	for i := range r.Environment.Servers {
		s := &r.Environment.Servers[i]
		own := ""
		for _, x := range s.Settings {
			if x.Name == varBuffering {
				own = x.Value
			}
		}
		if !target.SameValue(own, "off") {
			continue // there is no such variable, or it is on
		}
		var slow, buffered []string
		for k := range all {
			b := &all[k]
			if b.Target != s.Target || !strings.HasPrefix(strings.TrimPrefix(b.Setting, "policy "), "2") || !b.Server.Based {
				continue
			}
			text := fmt.Sprintf("%s times %s at %d clients", verdict.Ratio(b.Server.Ratio.Ratio), b.Base, b.Clients)
			switch {
			case b.Buffering == "on":
				buffered = append(buffered, text)
			case b.Server.Ratio.Ratio <= hardlyFaster:
				slow = append(slow, text)
			}
		}
		if len(slow) == 0 {
			continue
		}
		w := result.Warning{Code: "server-direct-log", Advice: "Compare with --server-log-buffering off,on.",
			Text: fmt.Sprintf("%s opens its redo log with O_DIRECT (%s=OFF), so under policy 2 each commit waits until its write has reached the device: it carried only %s. "+
				"That is dearer than a buffered write, and safer: a kernel crash takes nothing where the log's blocks have been written before, but it does on a fresh server, whose log is only reserved", s.Target, varBuffering, strings.Join(slow, ", "))}
		if len(buffered) > 0 {
			w.Advice = fmt.Sprintf("With the page cache (innodb_log_file_buffering=ON) policy 2 carried %s.", strings.Join(buffered, ", "))
		}
		s.Warnings = append(s.Warnings, w)
	}
}
