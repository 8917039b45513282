package embedded

import (
	"flushbench/groupcommit"
	"flushbench/workload"
)

// moments are when a sampled commit was called, had its record in the log
// buffer, and had returned, as clock.Now.
type moments struct{ called, appended, returned int64 }

// stages cuts the time from called to returned at the moments that the commit
// passed; the parts add up to the whole. A commit that joins a group which is
// already being written or flushed did not pass the stages before that: they
// are 0. One that has no moments of its own had its record covered by somebody
// else's write: if waits says that commits wait at all, that is waiting for a
// group; else (policy 0) there is the first stage only.
func (m moments) stages(st groupcommit.Stages, waits bool) workload.Stages {
	at := m.called
	until := func(t int64) int64 { return advance(&at, t, m.returned) }
	out := workload.NoStages()
	if !waits {
		out.Buffer = until(m.returned)
		return out
	}
	out.Buffer = until(m.appended)
	if st.Cut == 0 {
		out.Group = until(m.returned)
		return out
	}
	out.Group = until(st.Cut)
	out.Write = until(st.Written)
	out.Flush = until(st.Flushed)
	out.Wakeup = until(m.returned)
	return out
}

// advance returns the time from *at to t, within the commit, and moves on; a
// moment that the commit did not have (0) is NoStage.
func advance(at *int64, t, end int64) int64 {
	if t == 0 {
		return workload.NoStage
	}
	t = min(max(t, *at), end)
	part := t - *at
	*at = t
	return part
}
