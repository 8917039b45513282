package victim

import (
	"sync/atomic"

	"flushbench/engine"
	"flushbench/engine/clock"
)

// beforePoint is how many commits must have been acknowledged before anybody is
// stopped: a crash that comes sooner has nothing to judge.
const beforePoint = 10

// stopper stops who comes to a crash point.
type stopper struct {
	armed atomic.Bool
	over  <-chan struct{} // nil: never
}

// hook is what the engine tells of its crash points; nil: nobody is to be stopped.
func (p *patient) hook() func(engine.CrashPoint) {
	at, named := p.spec.Point.Of(p.spec.Database.Stages.Protocol)
	if !named {
		return nil
	}
	return func(x engine.CrashPoint) {
		if x != at || !p.stop.armed.Load() {
			return
		}
		p.ledger.Stop(clock.Now())
		<-p.stop.over
	}
}
