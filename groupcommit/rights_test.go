package groupcommit

import "testing"

// Who comes by the write right after another's write has failed must not write: the
// second one may report a success that is none. The property of TestGroupCommit meets
// that moment in some runs only.
func TestNoWriteAfterFailure(t *testing.T) {
	l := newFakeLog()
	c := start(t, l, Config{Policy: Policy2, Interval: MaxInterval})
	l.append(1)
	c.write.Lock()
	defer c.write.Unlock()
	to := l.Cut(0, false)
	if err := c.Fail(errInjected); err != errInjected {
		t.Fatalf("Fail = %v; want %v", err, errInjected)
	}
	before := l.writes.Load()
	if err := c.writeTo(to, true); err != errInjected || l.writes.Load() != before {
		t.Errorf("writeTo after a failure = %v, with %d writes; want %v and none", err, l.writes.Load()-before, errInjected)
	}
}
