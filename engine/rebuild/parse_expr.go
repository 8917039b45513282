package rebuild

// An expression, the loosest binding first:
//
//	expr       = and { OR and }
//	and        = not { AND not }
//	not        = NOT not | comparison
//	comparison = sum [ ( = | <> | != | < | <= | > | >= ) sum | BETWEEN sum AND sum ]
//	sum        = product { ( + | - ) product }
//	product    = unary { ( * | % ) unary }
//	unary      = - unary | primary
//	primary    = number | string | column | function ( [sum {, sum}] ) | ( expr )

// binary is a sign or word between two arguments.
type binary struct {
	text string
	op   op
}

var (
	sums        = []binary{{"+", opAdd}, {"-", opSubtract}}
	products    = []binary{{"*", opMultiply}, {"%", opModulo}}
	comparisons = []binary{{"=", opEqual}, {"<>", opUnequal}, {"!=", opUnequal}, {"<", opLess}, {"<=", opLessEqual}, {">", opMore}, {">=", opMoreEqual}}
	ands        = []binary{{"AND", opAnd}}
	ors         = []binary{{"OR", opOr}}
)

// add appends a node and returns its number.
func (s *statement) add(e expr) int32 {
	s.exprs = append(s.exprs, e)
	return int32(len(s.exprs) - 1)
}

// chain reads arguments with signs between them, from left to right.
func (s *statement) chain(signs []binary, argument func(*statement) (int32, error)) (int32, error) {
	left, err := argument(s)
	for err == nil {
		found := op(0)
		for _, sign := range signs {
			if s.lex.is(sign.text) {
				found = sign.op
			}
		}
		if found == 0 {
			return left, nil
		}
		if err = s.lex.next(); err != nil {
			break
		}
		var right int32
		right, err = argument(s)
		left = s.add(expr{op: found, a: left, b: right})
	}
	return 0, err
}

func (s *statement) parseExpr() (int32, error) {
	if s.depth++; s.depth > maxDepth {
		return 0, refuse("an expression nested more than %d deep", maxDepth)
	}
	defer func() { s.depth-- }()
	return s.chain(ors, (*statement).parseAnd)
}

func (s *statement) parseAnd() (int32, error) { return s.chain(ands, (*statement).parseNot) }

func (s *statement) parseNot() (int32, error) {
	not := false
	for {
		ok, err := s.lex.accept("NOT")
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		not = !not
	}
	e, err := s.parseComparison()
	if not && err == nil {
		e = s.add(expr{op: opNot, a: e})
	}
	return e, err
}

func (s *statement) parseComparison() (int32, error) {
	left, err := s.parseSum()
	if err != nil {
		return 0, err
	}
	between, err := s.lex.accept("BETWEEN")
	if err != nil {
		return 0, err
	}
	if between {
		return s.parseBetween(left)
	}
	for _, sign := range comparisons {
		if s.lex.is(sign.text) {
			if err := s.lex.next(); err != nil {
				return 0, err
			}
			right, err := s.parseSum()
			return s.add(expr{op: sign.op, a: left, b: right}), err
		}
	}
	return left, nil
}

// parseBetween reads the bounds: left >= lo AND left <= hi. left is evaluated twice.
func (s *statement) parseBetween(left int32) (int32, error) {
	lo, err := s.parseSum()
	if err == nil {
		err = s.lex.want("AND")
	}
	if err != nil {
		return 0, err
	}
	hi, err := s.parseSum()
	if err != nil {
		return 0, err
	}
	lo = s.add(expr{op: opMoreEqual, a: left, b: lo})
	hi = s.add(expr{op: opLessEqual, a: left, b: hi})
	return s.add(expr{op: opAnd, a: lo, b: hi}), nil
}

func (s *statement) parseSum() (int32, error) { return s.chain(sums, (*statement).parseProduct) }

func (s *statement) parseProduct() (int32, error) { return s.chain(products, (*statement).parseUnary) }

func (s *statement) parseUnary() (int32, error) {
	negative := false
	for {
		ok, err := s.lex.accept("-")
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		negative = !negative
	}
	e, err := s.parsePrimary()
	if negative && err == nil {
		e = s.add(expr{op: opNegate, a: e})
	}
	return e, err
}

func (s *statement) parsePrimary() (int32, error) {
	l := &s.lex
	switch l.tok.kind {
	case tokenNumber:
		n, err := l.number()
		return s.add(expr{op: opNumber, n: n}), err
	case tokenString:
		e := s.add(expr{op: opText, text: l.tok.text})
		return e, l.next()
	case tokenWord:
		for i := range functions {
			if f := &functions[i]; l.is(f.name) {
				return s.parseCall(f)
			}
		}
	}
	ok, err := l.accept("(")
	if err != nil {
		return 0, err
	}
	if !ok {
		col, err := s.parseColumn()
		return s.add(expr{op: opColumn, n: int64(col)}), err
	}
	e, err := s.parseExpr()
	if err == nil {
		err = l.want(")")
	}
	return e, err
}

// parseCall reads the arguments of a function.
func (s *statement) parseCall(f *functionSpec) (int32, error) {
	l := &s.lex
	e := expr{op: opCall, fn: f.fn}
	s.clock = s.clock || f.fn == fnSysdate
	s.random = s.random || f.fn == fnRand || f.fn == fnUUID
	if err := l.next(); err != nil {
		return 0, err
	}
	if f.bare && !l.is("(") {
		return s.add(e), nil
	}
	if err := l.want("("); err != nil {
		return 0, err
	}
	for done := l.is(")"); !done; e.n++ {
		if e.n == int64(f.most) {
			return 0, refuse("%s with more than %d arguments", f.name, f.most)
		}
		arg, err := s.parseArgument()
		if err != nil {
			return 0, err
		}
		*[...]*int32{&e.a, &e.b, &e.c}[e.n] = arg
		more, err := l.accept(",")
		if err != nil {
			return 0, err
		}
		done = !more
	}
	if e.n < int64(f.least) {
		return 0, refuse("%s with %d arguments: at least %d", f.name, e.n, f.least)
	}
	return s.add(e), l.want(")")
}

func (s *statement) parseArgument() (int32, error) {
	if s.depth++; s.depth > maxDepth {
		return 0, refuse("an expression nested more than %d deep", maxDepth)
	}
	defer func() { s.depth-- }()
	return s.parseSum()
}
