package rebuild

import (
	"bytes"
	"math"
	"slices"

	"flushbench/engine/binlog"
)

// execute runs a statement.
func (p *player) execute(q *binlog.Query) error {
	s := &p.stmt
	if err := s.parse(q.SQL); err != nil {
		return refuse("%.60q: %v", q.SQL, err)
	}
	if err := p.run(s); err != nil {
		return refuse("%.60q: %v", q.SQL, err)
	}
	return nil
}

func (p *player) run(s *statement) error {
	switch s.verb {
	case verbCreateDatabase:
		return nil
	case verbCreateTable:
		return p.create(s)
	case verbDrop:
		return p.drop(s)
	}
	if string(s.table) != p.name { // compared without taking memory
		if err := p.use(string(s.table)); err != nil {
			return err
		}
	}
	switch {
	case s.clock:
		p.report.Anew.Clock++
	case s.random:
		p.report.Anew.Random++
	}
	if s.verb == verbInsert {
		return p.insertValues(s)
	}
	return p.changeRows(s)
}

func (p *player) create(s *statement) error {
	if p.name != "" {
		if s.lenient {
			return nil
		}
		return refuse("table `%s` exists already", p.name)
	}
	p.name, p.width = string(s.table), s.width
	return nil
}

// drop forgets the table. The rows of the base go with it.
func (p *player) drop(s *statement) error {
	if s.table != nil && string(s.table) != p.name && !s.lenient {
		return refuse("table `%s` does not exist", s.table)
	}
	if s.table == nil || string(s.table) == p.name {
		p.name, p.width, p.table = "", 0, new(Table)
	}
	return nil
}

// insertValues executes INSERT.
func (p *player) insertValues(s *statement) error {
	v := evaluator{exprs: s.exprs, session: &p.session}
	for i := 0; i < len(s.values); i += 3 {
		var r binlog.Row
		id, err := v.number(s.values[i])
		if err != nil {
			return err
		}
		if id < 0 {
			return refuse("row %d: negative keys are not understood", id)
		}
		r.Key = uint64(id)
		if r.K, err = v.number(s.values[i+1]); err != nil {
			return err
		}
		if r.C, err = p.value(&v, s.values[i+2]); err != nil {
			return err
		}
		if err := p.insert(&r, binlog.ColID|binlog.ColK|binlog.ColC); err != nil {
			return err
		}
	}
	return nil
}

// number computes an expression for a column of numbers.
func (v *evaluator) number(n int32) (int64, error) {
	x, err := v.eval(n)
	if err != nil {
		return 0, err
	}
	return x.asInt()
}

// value computes an expression for c.
func (p *player) value(v *evaluator, n int32) ([]byte, error) {
	x, err := v.eval(n)
	if err != nil {
		return nil, err
	}
	b := x.s
	if x.kind != valueText {
		b = x.appendText(nil)
	}
	if p.width > 0 && len(b) > p.width || len(b) > maxWidth {
		return nil, refuse("%d bytes for c VARBINARY(%d)", len(b), p.width)
	}
	return b, nil
}

// changeRows executes UPDATE and DELETE.
func (p *player) changeRows(s *statement) error {
	lo, hi := s.keys()
	if lo > hi || s.limit == 0 {
		return nil
	}
	if lo < p.table.unknown && !(lo == hi && p.table.touched(lo)) {
		return refuse("it reads rows of which the log does not say what they held; a base with the rows is needed")
	}
	if s.limit > 0 && lo != hi && !s.decided() {
		p.report.Anew.Limit++
	}
	v := evaluator{exprs: s.exprs, session: &p.session}
	if lo == hi { // one row, as most are
		r, ok := p.table.Get(lo)
		if !ok {
			return nil
		}
		ok, err := v.chosen(s, r)
		if err != nil || !ok {
			return err
		}
		return p.changeRow(s, &v, r)
	}
	keys, err := p.choose(s, &v, lo, hi)
	if err != nil {
		return err
	}
	for _, key := range keys {
		r, _ := p.table.Get(key)
		if err := p.changeRow(s, &v, r); err != nil {
			return err
		}
	}
	return nil
}

// chosen reports whether WHERE holds for a row.
func (v *evaluator) chosen(s *statement, r binlog.Row) (bool, error) {
	if s.where < 0 {
		return true, nil
	}
	v.row = r
	x, err := v.eval(s.where)
	if err != nil {
		return false, err
	}
	return isTrue(x)
}

// choose returns the keys of the rows that the statement changes, in their order.
func (p *player) choose(s *statement, v *evaluator, lo, hi uint64) ([]uint64, error) {
	var keys []uint64
	for r := range p.table.from(lo) {
		if r.Key > hi || len(s.order) == 0 && s.limit >= 0 && int64(len(keys)) == s.limit {
			break
		}
		ok, err := v.chosen(s, r)
		if err != nil {
			return nil, err
		}
		if ok {
			keys = append(keys, r.Key)
		}
	}
	if len(s.order) > 0 {
		slices.SortStableFunc(keys, func(a, b uint64) int { return p.table.order(s.order, a, b) })
	}
	if s.limit >= 0 && int64(len(keys)) > s.limit {
		keys = keys[:s.limit]
	}
	return keys, nil
}

// order compares two rows as ORDER BY says.
func (t *Table) order(by []ordering, x, y uint64) int {
	a, _ := t.Get(x)
	b, _ := t.Get(y)
	for _, o := range by {
		c := 0
		switch o.col {
		case colID:
			c = order(a.Key, b.Key)
		case colK:
			c = order(a.K, b.K)
		case colC:
			c = bytes.Compare(a.C, b.C)
		}
		if o.descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// changeRow changes or deletes one row.
func (p *player) changeRow(s *statement, v *evaluator, r binlog.Row) error {
	if s.verb == verbDelete {
		p.table.Delete(r.Key)
		return nil
	}
	v.row = r
	for _, a := range s.sets { // each sees what those before it have set
		var err error
		switch a.col {
		case colID:
			return refuse("the primary key is changed")
		case colK:
			v.row.K, err = v.number(a.expr)
		case colC:
			v.row.C, err = p.value(v, a.expr)
		}
		if err != nil {
			return err
		}
	}
	p.put(r.Key, v.row.K, v.row.C)
	return nil
}

// decided reports whether ORDER BY decides which rows come first.
func (s *statement) decided() bool {
	return slices.ContainsFunc(s.order, func(o ordering) bool { return o.col == colID })
}

// keys returns the first and the last key that WHERE may hold for.
func (s *statement) keys() (lo, hi uint64) {
	if s.where < 0 {
		return 0, math.MaxInt64
	}
	return s.bounds(s.where)
}

// bounds is keys for a part of WHERE.
func (s *statement) bounds(n int32) (lo, hi uint64) {
	lo, hi = 0, math.MaxInt64
	e := &s.exprs[n]
	if e.op == opAnd {
		lo, hi = s.bounds(e.a)
		l, h := s.bounds(e.b)
		return max(lo, l), min(hi, h)
	}
	if e.op < opEqual || e.op > opMoreEqual {
		return lo, hi
	}
	a, b := &s.exprs[e.a], &s.exprs[e.b]
	if a.op != opColumn || column(a.n) != colID || b.op != opNumber {
		return lo, hi
	}
	key := uint64(b.n)
	switch e.op {
	case opEqual:
		return key, key
	case opLess:
		if key == 0 {
			return 1, 0 // no row
		}
		return lo, key - 1
	case opLessEqual:
		return lo, key
	case opMore:
		return key + 1, hi
	case opMoreEqual:
		return key, hi
	}
	return lo, hi
}
