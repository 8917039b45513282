package mysql

import (
	"context"
	"strconv"
)

// Active counts the sessions that are running a statement at this moment, ours left
// out; background threads of the server that count as running are among them. Everyone
// may ask.
func (s *Server) Active(ctx context.Context) (int, error) {
	found, err := s.pairs(ctx, "SHOW GLOBAL STATUS LIKE 'Threads_running'")
	if err != nil {
		return 0, s.fail("count running sessions", err)
	}
	n, err := strconv.Atoi(found["threads_running"])
	return max(n-1, 0), s.fail("count running sessions", err)
}
