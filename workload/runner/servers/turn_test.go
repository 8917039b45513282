package servers

import (
	"context"
	"errors"
	"sync"
	"testing"

	"flushbench/workload/target"
)

// read is a connection that must not be read once it is closed.
type read struct {
	target.Server
	t      *testing.T
	closed bool // written without a lock: the race detector is to see it
}

func (c *read) Counters(context.Context) (target.Counters, error) {
	if c.closed {
		c.t.Error("counters read on a closed connection")
	}
	return target.Counters{}, nil
}

func (c *read) Close() error {
	c.closed = true
	return nil
}

// Whoever reads the counters beside the clients meets a connection that is given up
// because they never came back.
func TestSnapshotOfALostConnection(t *testing.T) {
	v := &Live{conn: &read{t: t}}
	turn := v.Turn(Cell{}, 1)
	if x := turn.Snapshot(); x.err != nil {
		t.Errorf("Snapshot() = %v; want the counters", x.err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for turn.Snapshot().err == nil {
		}
	})
	v.disconnect()
	all.Wait()
	if x := turn.Snapshot(); !errors.Is(x.err, target.ErrConnectionLost) {
		t.Errorf("Snapshot() = %v; want %v", x.err, target.ErrConnectionLost)
	}
}
