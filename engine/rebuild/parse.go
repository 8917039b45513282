package rebuild

// verb is what a statement does.
type verb uint8

const (
	verbInsert verb = iota + 1
	verbUpdate
	verbDelete
	verbCreateDatabase
	verbCreateTable
	verbDrop // the database or the table
)

// maxDepth bounds how deep an expression is nested.
const maxDepth = 64

// statement is a parsed statement. Its texts are those of the event and the lexer,
// its memory is used again for the next one.
type statement struct {
	lex     lexer
	verb    verb
	lenient bool   // IF EXISTS, IF NOT EXISTS
	table   []byte // without the database; nil: the database
	width   int    // of a table that is created
	exprs   []expr
	sets    []assignment
	values  []int32 // of an insert: id, k and c of each row
	where   int32   // < 0: all rows
	order   []ordering
	limit   int64 // < 0: none
	depth   int

	clock, random bool // a function of that kind is in it
}

// column is one of the three.
type column uint8

const (
	colID column = iota
	colK
	colC
)

var columnNames = [...]struct{ bare, quoted string }{{"ID", "id"}, {"K", "k"}, {"C", "c"}}

type assignment struct {
	col  column
	expr int32
}

type ordering struct {
	col        column
	descending bool
}

// op is what an expression does with its arguments.
type op uint8

const (
	opNumber op = iota + 1
	opText
	opColumn
	opNegate
	opNot
	opAdd
	opSubtract
	opMultiply
	opModulo
	opEqual
	opUnequal
	opLess
	opLessEqual
	opMore
	opMoreEqual
	opAnd
	opOr
	opCall
)

// expr is a node of an expression.
type expr struct {
	op      op
	fn      function
	n       int64  // opNumber: its value; opColumn: which; opCall: number of arguments
	text    []byte // opText
	a, b, c int32  // arguments
}

// parse reads a statement.
func (s *statement) parse(sql []byte) error {
	lex := s.lex
	*s = statement{lex: lex, exprs: s.exprs[:0], sets: s.sets[:0], values: s.values[:0], order: s.order[:0], where: -1, limit: -1}
	l := &s.lex
	if err := l.begin(sql); err != nil {
		return err
	}
	var err error
	switch {
	case l.is("UPDATE"):
		err = s.parseUpdate()
	case l.is("INSERT"):
		err = s.parseInsert()
	case l.is("DELETE"):
		err = s.parseDelete()
	case l.is("CREATE"):
		err = s.parseCreate()
	case l.is("DROP"):
		err = s.parseDrop()
	default:
		return l.unexpected("UPDATE, INSERT, DELETE, CREATE or DROP")
	}
	if err != nil {
		return err
	}
	if _, err = l.accept(";"); err == nil && l.tok.kind != tokenEnd {
		err = l.unexpected("the end of the statement")
	}
	return err
}

func (s *statement) parseUpdate() (err error) {
	l := &s.lex
	s.verb = verbUpdate
	if err = l.want("UPDATE"); err == nil {
		err = s.parseTable()
	}
	if err == nil {
		err = l.want("SET")
	}
	for more := true; err == nil && more; {
		var a assignment
		if a.col, err = s.parseColumn(); err != nil {
			return err
		}
		if err = l.want("="); err != nil {
			return err
		}
		if a.expr, err = s.parseSum(); err != nil {
			return err
		}
		s.sets = append(s.sets, a)
		more, err = l.accept(",")
	}
	if err == nil {
		err = s.parseWhich()
	}
	return err
}

func (s *statement) parseDelete() (err error) {
	s.verb = verbDelete
	if err = s.lex.want("DELETE", "FROM"); err == nil {
		err = s.parseTable()
	}
	if err == nil {
		err = s.parseWhich()
	}
	return err
}

// parseWhich reads WHERE, ORDER BY and LIMIT.
func (s *statement) parseWhich() error {
	l := &s.lex
	ok, err := l.accept("WHERE")
	if ok && err == nil {
		s.where, err = s.parseExpr()
	}
	if err != nil {
		return err
	}
	if ok, err = l.accept("ORDER"); ok && err == nil {
		err = l.want("BY")
	}
	for more := ok; err == nil && more; {
		var o ordering
		if o.col, err = s.parseColumn(); err != nil {
			return err
		}
		if o.descending, err = l.accept("DESC"); err == nil && !o.descending {
			_, err = l.accept("ASC")
		}
		s.order = append(s.order, o)
		if err == nil {
			more, err = l.accept(",")
		}
	}
	if err != nil {
		return err
	}
	if ok, err = l.accept("LIMIT"); ok && err == nil {
		s.limit, err = l.number()
	}
	return err
}

func (s *statement) parseInsert() (err error) {
	l := &s.lex
	s.verb = verbInsert
	if err = l.want("INSERT", "INTO"); err == nil {
		err = s.parseTable()
	}
	ok := false
	if err == nil {
		ok, err = l.accept("(")
	}
	if ok && err == nil {
		err = l.want("ID", ",", "K", ",", "C", ")")
	}
	if err == nil {
		err = l.want("VALUES")
	}
	for more := true; err == nil && more; {
		for _, sign := range [...]string{"(", ",", ","} {
			if err = l.want(sign); err != nil {
				return err
			}
			e, err := s.parseSum()
			if err != nil {
				return err
			}
			s.values = append(s.values, e)
		}
		if err = l.want(")"); err == nil {
			more, err = l.accept(",")
		}
	}
	return err
}

// parseCreate reads what binlog.Log.CreateTable makes.
func (s *statement) parseCreate() (err error) {
	l := &s.lex
	if err = l.want("CREATE"); err != nil {
		return err
	}
	s.verb = verbCreateTable
	database, err := l.accept("DATABASE")
	if database {
		s.verb = verbCreateDatabase
	} else if err == nil {
		err = l.want("TABLE")
	}
	if err == nil {
		if s.lenient, err = l.accept("IF"); s.lenient && err == nil {
			err = l.want("NOT", "EXISTS")
		}
	}
	if err == nil {
		err = s.parseTable()
	}
	if database || err != nil {
		return err
	}
	if err = l.want("(", "ID", "BIGINT", "PRIMARY", "KEY", ",", "K", "BIGINT", "NOT", "NULL", ",", "C", "VARBINARY", "("); err != nil {
		return err
	}
	n, err := l.number()
	if err != nil {
		return err
	}
	if n > maxWidth {
		return refuse("c VARBINARY(%d): at most %d", n, maxWidth)
	}
	s.width = int(n)
	return l.want(")", "NOT", "NULL", ")", "ENGINE", "=", "INNODB")
}

func (s *statement) parseDrop() (err error) {
	l := &s.lex
	s.verb = verbDrop
	if err = l.want("DROP"); err != nil {
		return err
	}
	database, err := l.accept("DATABASE")
	if err == nil && !database {
		err = l.want("TABLE")
	}
	if err == nil {
		if s.lenient, err = l.accept("IF"); s.lenient && err == nil {
			err = l.want("EXISTS")
		}
	}
	if err == nil {
		err = s.parseTable()
	}
	if database {
		s.table = nil
	}
	return err
}

// parseTable reads a table's name, with or without its database.
func (s *statement) parseTable() (err error) {
	if s.table, err = s.lex.name(); err != nil {
		return err
	}
	ok, err := s.lex.accept(".")
	if ok && err == nil {
		s.table, err = s.lex.name()
	}
	return err
}

func (s *statement) parseColumn() (column, error) {
	l := &s.lex
	for i, name := range columnNames {
		if quoted := l.tok.kind == tokenName; quoted && string(l.tok.text) == name.quoted || !quoted && l.is(name.bare) {
			return column(i), l.next()
		}
	}
	return 0, l.unexpected("a column (id, k, c)")
}
