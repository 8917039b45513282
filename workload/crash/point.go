package crash

import (
	"fmt"
	"slices"

	"flushbench/workload/crash/subject"
)

// checkPoints refuses crash points where there is no commit to two logs.
func (m *Matrix) checkPoints() error {
	i := slices.IndexFunc(m.Points, func(p subject.Point) bool { return p != subject.Anywhere })
	if i < 0 {
		return nil
	}
	s, p := &m.Scenario, m.Points[i]
	switch {
	case s.Servers():
		return fmt.Errorf("crash: point %v of a server: only the engine can be stopped there; legal is %v", p, subject.Anywhere)
	case !s.Workload.Transactional() || !bool(s.Binlog):
		return fmt.Errorf("crash: point %v without a binlog: it is a moment of a commit to two logs; choose a workload with rows, such as bank, and leave binlog on", p)
	case m.faulty() != subject.NoFault:
		return fmt.Errorf("crash: point %v with fault %v: who stands still flushes nothing; leave one of them out", p, m.faulty())
	}
	return nil
}

// atPoints are a cell at each of the crash points that were asked for.
func (m *Matrix) atPoints(c Cell) (out []Cell) {
	if len(m.Points) == 0 {
		return []Cell{c}
	}
	for _, p := range m.Points {
		x := c
		if x.Point = p; p != subject.Anywhere || len(m.Points) > 1 {
			x.Name += ",at=" + p.String()
		}
		out = append(out, x)
	}
	return out
}

// pointName is the crash point as the result has it.
func (c *Cell) pointName() string {
	if c.Point == subject.Anywhere {
		return ""
	}
	return c.Point.String()
}
