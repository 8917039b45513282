package servers

import (
	"context"
	"math"
	"testing"
	"time"

	"flushbench/metrics/hostinfo"
)

// TestLeaveOut: what a server under test has used is no other process's; a private one
// is left out already, as a process of ours.
func TestLeaveOut(t *testing.T) {
	private := &Live{Server: &Server{Start: func(context.Context, string, string) (Process, error) { return nil, nil }}, used: time.Second}
	connected := &Live{Server: &Server{}, used: 2 * time.Second}
	r := &Roster{live: []*Live{private, connected}}
	u := hostinfo.Usage{Known: true, Wall: 10 * time.Second, OtherCores: 0.5}
	if r.LeaveOut(&u); math.Abs(u.OtherCores-0.3) > 1e-9 {
		t.Errorf("OtherCores = %v; want 0.3", u.OtherCores)
	}
	if r.LeaveOut(&u); u.OtherCores < 0 {
		t.Errorf("OtherCores = %v; want 0 at least", u.OtherCores)
	}
}
