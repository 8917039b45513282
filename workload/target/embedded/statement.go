package embedded

import (
	"flushbench/engine"
	"flushbench/workload"
)

// Statements runs the statements of transactions one by one, for those who look at
// what each does. One goroutine at a time.
type Statements struct{ x executor }

// Run executes one statement on a connection with a transaction under way. Its errors
// are those of the connection.
func (s *Statements) Run(c *engine.Conn, op *workload.Op) error { return s.x.op(c, op) }
