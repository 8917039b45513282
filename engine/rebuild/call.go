package rebuild

import (
	"hash/crc32"
	"math"
	"time"
)

// call computes a function. What it makes lives as long as the garbage collector
// lets it: functions are rare.
func (v *evaluator) call(e *expr) (value, error) {
	var args [3]value
	nodes := [...]int32{e.a, e.b, e.c}
	for i, n := range nodes[:e.n] {
		var err error
		if args[i], err = v.eval(n); err != nil {
			return args[i], err
		}
	}
	switch e.fn {
	case fnNow:
		return v.datetime(time.Unix(int64(v.session.time), 0), args[0])
	case fnSysdate:
		return v.datetime(v.session.now(), args[0])
	case fnUnixTimestamp:
		return integer(int64(v.session.time)), nil
	case fnUUID:
		return v.uuid(), nil
	case fnRand:
		return real64(v.session.rng.Float64()), nil
	case fnFloor:
		return floor(args[0])
	case fnCRC32:
		return integer(int64(crc32.ChecksumIEEE(args[0].appendText(nil)))), nil
	case fnRpad:
		return rpad(args)
	}
	var b []byte
	for _, a := range args[:e.n] {
		b = a.appendText(b)
	}
	return text(b), long(len(b))
}

// long refuses a text that no column holds.
func long(n int) error {
	if n > maxWidth {
		return refuse("a text of %d bytes", n)
	}
	return nil
}

// datetime prints a time with so many digits behind the second, 0 to 6.
func (v *evaluator) datetime(at time.Time, digits value) (value, error) {
	if digits.kind != valueInt || digits.i < 0 || digits.i > 6 {
		return digits, refuse("a time with more than 6 digits behind the second")
	}
	layout := "2006-01-02 15:04:05.000000"[:19]
	if digits.i > 0 {
		layout = "2006-01-02 15:04:05.000000"[:20+digits.i]
	}
	return text(at.In(v.session.zone).AppendFormat(nil, layout)), nil
}

// uuid makes an identifier that no other is equal to.
func (v *evaluator) uuid() value {
	const digits = "0123456789abcdef"
	b := []byte("xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx")
	for i := range b {
		if b[i] == 'x' {
			b[i] = digits[v.session.rng.IntN(16)]
		}
	}
	return text(b)
}

func floor(a value) (value, error) {
	switch f := math.Floor(a.f); {
	case a.kind == valueInt:
		return a, nil
	case a.kind == valueFloat && f >= -(1<<63) && f < 1<<63:
		return integer(int64(f)), nil
	}
	return a, refuse("FLOOR of what is no number, or too large a one")
}

// rpad fills a text up, or cuts it off, to a length.
func rpad(args [3]value) (value, error) {
	n, err := args[1].asInt()
	if err != nil {
		return args[0], err
	}
	b, fill := args[0].appendText(nil), args[2].appendText(nil)
	switch {
	case n < 0 || n > maxWidth:
		return args[0], refuse("RPAD to %d bytes: must be 0 to %d", n, maxWidth)
	case len(b) < int(n) && len(fill) == 0:
		return args[0], refuse("RPAD with nothing")
	}
	for len(b) < int(n) {
		b = append(b, fill...)
	}
	return text(b[:n]), nil
}
