package rebuild

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"flushbench/engine/binlog"
)

// maxWidth is the longest c.
const maxWidth = binlog.MaxWidth

// function is one of those that statements may call.
type function uint8

const (
	fnNow function = iota + 1
	fnUnixTimestamp
	fnSysdate
	fnUUID
	fnRand
	fnFloor
	fnCRC32
	fnRpad
	fnConcat
)

// functionSpec says how a function is called.
type functionSpec struct {
	name        string
	fn          function
	least, most int
	bare        bool // may be called without parentheses
}

var functions = []functionSpec{
	{"NOW", fnNow, 0, 1, false},
	{"CURRENT_TIMESTAMP", fnNow, 0, 1, true},
	{"UNIX_TIMESTAMP", fnUnixTimestamp, 0, 0, false},
	{"SYSDATE", fnSysdate, 0, 1, false},
	{"UUID", fnUUID, 0, 0, false},
	{"RAND", fnRand, 0, 0, false},
	{"FLOOR", fnFloor, 1, 1, false},
	{"CRC32", fnCRC32, 1, 1, false},
	{"RPAD", fnRpad, 3, 3, false},
	{"CONCAT", fnConcat, 1, 3, false},
}

// session is what a statement's functions see of whoever executes it.
type session struct {
	time uint32           // of the event: SET TIMESTAMP
	now  func() time.Time // the own clock
	rng  *rand.Rand
	zone *time.Location
}

// valueKind is the type of a value.
type valueKind uint8

const (
	valueInt valueKind = iota
	valueFloat
	valueText
)

// value is what an expression gives. Nothing is ever null.
type value struct {
	kind valueKind
	i    int64
	f    float64
	s    []byte
}

func integer(i int64) value  { return value{kind: valueInt, i: i} }
func real64(f float64) value { return value{kind: valueFloat, f: f} }
func text(s []byte) value    { return value{kind: valueText, s: s} }
func truth(b bool) value {
	if b {
		return integer(1)
	}
	return integer(0)
}

// evaluator computes the expressions of a statement for one row.
type evaluator struct {
	exprs   []expr
	session *session
	row     binlog.Row
}

// eval computes a node.
func (v *evaluator) eval(n int32) (value, error) {
	e := &v.exprs[n]
	switch e.op {
	case opNumber:
		return integer(e.n), nil
	case opText:
		return text(e.text), nil
	case opColumn:
		switch column(e.n) {
		case colID:
			return integer(int64(v.row.Key)), nil
		case colK:
			return integer(v.row.K), nil
		}
		return text(v.row.C), nil
	case opCall:
		return v.call(e)
	}
	a, err := v.eval(e.a)
	if err != nil {
		return a, err
	}
	switch e.op {
	case opNegate:
		return arithmetic(opSubtract, integer(0), a)
	case opNot:
		ok, err := isTrue(a)
		return truth(!ok), err
	case opAnd, opOr:
		ok, err := isTrue(a)
		if err != nil || ok == (e.op == opOr) {
			return truth(ok), err
		}
	}
	b, err := v.eval(e.b)
	if err != nil {
		return b, err
	}
	switch e.op {
	case opAnd, opOr:
		ok, err := isTrue(b)
		return truth(ok), err
	case opAdd, opSubtract, opMultiply, opModulo:
		return arithmetic(e.op, a, b)
	}
	return compare(e.op, a, b)
}

// isTrue reports whether a value counts as true.
func isTrue(v value) (bool, error) {
	switch v.kind {
	case valueInt:
		return v.i != 0, nil
	case valueFloat:
		return v.f != 0, nil
	}
	return false, refuse("a text where true or false belongs")
}

// arithmetic computes with numbers: of two integers an integer, as a server does.
func arithmetic(o op, a, b value) (value, error) {
	if a.kind == valueText || b.kind == valueText {
		return a, refuse("a text where a number belongs")
	}
	if a.kind == valueInt && b.kind == valueInt {
		return integers(o, a.i, b.i)
	}
	x, y := a.float(), b.float()
	switch o {
	case opAdd:
		return real64(x + y), nil
	case opSubtract:
		return real64(x - y), nil
	case opMultiply:
		return real64(x * y), nil
	}
	return a, refuse("%% of numbers that are not whole")
}

func integers(o op, a, b int64) (value, error) {
	var r int64
	ok := true
	switch o {
	case opAdd:
		r = a + b
		ok = (r > a) == (b > 0)
	case opSubtract:
		r = a - b
		ok = (r < a) == (b > 0)
	case opMultiply:
		r = a * b
		ok = a == 0 || r/a == b && (a != -1 || b != math.MinInt64)
	case opModulo:
		if b == 0 {
			return integer(0), refuse("division by 0")
		}
		r = a % b
	}
	if !ok {
		return integer(0), refuse("BIGINT value is out of range")
	}
	return integer(r), nil
}

func (v value) float() float64 {
	if v.kind == valueInt {
		return float64(v.i)
	}
	return v.f
}

// compare compares two numbers, or two texts byte by byte.
func compare(o op, a, b value) (value, error) {
	var c int
	switch {
	case a.kind == valueText && b.kind == valueText:
		c = bytes.Compare(a.s, b.s)
	case a.kind == valueText || b.kind == valueText:
		return a, refuse("a text is compared with a number")
	case a.kind == valueInt && b.kind == valueInt:
		c = order(a.i, b.i)
	default:
		c = order(a.float(), b.float())
	}
	switch o {
	case opEqual:
		return truth(c == 0), nil
	case opUnequal:
		return truth(c != 0), nil
	case opLess:
		return truth(c < 0), nil
	case opLessEqual:
		return truth(c <= 0), nil
	case opMore:
		return truth(c > 0), nil
	}
	return truth(c >= 0), nil
}

func order[T int64 | float64 | uint64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// asInt is v as a BIGINT, rounded, as a server in strict mode stores it.
func (v value) asInt() (int64, error) {
	switch v.kind {
	case valueInt:
		return v.i, nil
	case valueFloat:
		f := math.RoundToEven(v.f)
		if f >= -(1<<63) && f < 1<<63 {
			return int64(f), nil
		}
		return 0, refuse("BIGINT value is out of range")
	}
	n, err := strconv.ParseInt(string(v.s), 10, 64)
	if err != nil {
		return 0, refuse("%.40q for a column of numbers", v.s)
	}
	return n, nil
}

// appendText appends v as a text.
func (v value) appendText(b []byte) []byte {
	switch v.kind {
	case valueInt:
		return strconv.AppendInt(b, v.i, 10)
	case valueFloat:
		return strconv.AppendFloat(b, v.f, 'g', -1, 64)
	}
	return append(b, v.s...)
}
