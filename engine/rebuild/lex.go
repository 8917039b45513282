package rebuild

import (
	"bytes"
	"encoding/hex"
	"strconv"
)

// tokenKind is what a token is.
type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a keyword or a name without quotes
	tokenName             // `a name`
	tokenNumber           // 12
	tokenString           // 'text' or x'68'
	tokenSign             // one of the signs, of one byte or two
)

// token is one word of a statement. Its text is part of the statement or, where
// that had to be changed, of the lexer's memory.
type token struct {
	kind tokenKind
	text []byte
}

// lexer cuts a statement into tokens. It allocates nothing once it has grown.
type lexer struct {
	sql   []byte
	at    int
	arena []byte // of strings that held an escape
	tok   token  // the present one
}

// begin starts with a statement.
func (l *lexer) begin(sql []byte) error {
	l.sql, l.at, l.arena = sql, 0, l.arena[:0]
	return l.next()
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// next goes to the next token.
func (l *lexer) next() error {
	if err := l.skip(); err != nil {
		return err
	}
	if l.at == len(l.sql) {
		l.tok = token{}
		return nil
	}
	start, c := l.at, l.sql[l.at]
	switch {
	case (c == 'x' || c == 'X') && l.at+1 < len(l.sql) && l.sql[l.at+1] == '\'':
		l.at++
		return l.hexadecimal()
	case letter(c):
		for l.at < len(l.sql) && (letter(l.sql[l.at]) || digit(l.sql[l.at])) {
			l.at++
		}
		l.tok = token{tokenWord, l.sql[start:l.at]}
	case digit(c):
		for l.at < len(l.sql) && digit(l.sql[l.at]) {
			l.at++
		}
		if l.at < len(l.sql) && (l.sql[l.at] == '.' || letter(l.sql[l.at])) {
			return refuse("number %q: only whole ones are understood", l.sql[start:l.at+1])
		}
		l.tok = token{tokenNumber, l.sql[start:l.at]}
	case c == '\'' || c == '"':
		return l.quoted(c)
	case c == '`':
		end := bytes.IndexByte(l.sql[start+1:], '`')
		if end < 0 || start+end+2 < len(l.sql) && l.sql[start+end+2] == '`' {
			return refuse("a name in ` that does not end, or holds one")
		}
		l.tok, l.at = token{tokenName, l.sql[start+1 : start+1+end]}, start+end+2
	default:
		l.at++
		if l.at < len(l.sql) {
			switch string(l.sql[start : l.at+1]) {
			case "<=", ">=", "<>", "!=":
				l.at++
			}
		}
		l.tok = token{tokenSign, l.sql[start:l.at]}
	}
	return nil
}

// skip goes past white space and comments.
func (l *lexer) skip() error {
	for l.at < len(l.sql) {
		rest := l.sql[l.at:]
		switch {
		case rest[0] == ' ' || rest[0] >= '\t' && rest[0] <= '\r':
			l.at++
		case bytes.HasPrefix(rest, []byte("/*!")) || bytes.HasPrefix(rest, []byte("/*M!")):
			return refuse("a comment that a server executes")
		case bytes.HasPrefix(rest, []byte("/*")):
			end := bytes.Index(rest[2:], []byte("*/"))
			if end < 0 {
				return refuse("a comment that does not end")
			}
			l.at += end + 4
		default:
			return nil
		}
	}
	return nil
}

// quoted reads a string, with \ and doubled quotes.
func (l *lexer) quoted(quote byte) error {
	start := l.at + 1
	for i := start; i < len(l.sql); i++ {
		switch c := l.sql[i]; {
		case c == '\\' || c == quote && i+1 < len(l.sql) && l.sql[i+1] == quote:
			return l.escaped(quote, start)
		case c == quote:
			l.tok, l.at = token{tokenString, l.sql[start:i]}, i+1
			return nil
		}
	}
	return refuse("a string that does not end")
}

// escapes are what stands for what after a \; everything else is itself.
var escapes = map[byte]byte{'0': 0, 'b': '\b', 'n': '\n', 'r': '\r', 't': '\t', 'Z': 26}

// escaped is quoted for a string that is not what it reads.
func (l *lexer) escaped(quote byte, start int) error {
	at := len(l.arena)
	for i := start; i < len(l.sql); i++ {
		c := l.sql[i]
		switch {
		case c == '\\' && i+1 < len(l.sql):
			i++
			c = l.sql[i]
			if e, ok := escapes[c]; ok {
				c = e
			}
		case c == quote && i+1 < len(l.sql) && l.sql[i+1] == quote:
			i++
		case c == quote:
			l.tok, l.at = token{tokenString, l.arena[at:]}, i+1
			return nil
		}
		l.arena = append(l.arena, c)
	}
	return refuse("a string that does not end")
}

// hexadecimal reads 'hex digits'.
func (l *lexer) hexadecimal() error {
	start := l.at + 1
	n := bytes.IndexByte(l.sql[start:], '\'')
	if n < 0 {
		return refuse("a string that does not end")
	}
	at := len(l.arena)
	var err error
	if l.arena, err = hex.AppendDecode(l.arena, l.sql[start:start+n]); err != nil {
		return refuse("x'...' with what is no hexadecimal number")
	}
	l.tok, l.at = token{tokenString, l.arena[at:]}, start+n+1
	return nil
}

// is reports whether the present token is that keyword, in any case, or sign.
func (l *lexer) is(text string) bool {
	if len(l.tok.text) != len(text) {
		return false
	}
	switch l.tok.kind {
	case tokenSign:
		return string(l.tok.text) == text
	case tokenWord:
		for i, c := range l.tok.text {
			if c >= 'a' && c <= 'z' {
				c -= 'a' - 'A'
			}
			if c != text[i] {
				return false
			}
		}
		return true
	}
	return false
}

// accept goes past the present token if it is that keyword or sign.
func (l *lexer) accept(text string) (bool, error) {
	if !l.is(text) {
		return false, nil
	}
	return true, l.next()
}

// want is accept for what must be there.
func (l *lexer) want(texts ...string) error {
	for _, text := range texts {
		ok, err := l.accept(text)
		if err != nil {
			return err
		}
		if !ok {
			return l.unexpected(text)
		}
	}
	return nil
}

func (l *lexer) unexpected(want string) error {
	if l.tok.kind == tokenEnd {
		return refuse("the statement ends where %s belongs", want)
	}
	return refuse("%.40q where %s belongs", l.tok.text, want)
}

// name reads a name, with or without quotes.
func (l *lexer) name() ([]byte, error) {
	if l.tok.kind != tokenWord && l.tok.kind != tokenName {
		return nil, l.unexpected("a name")
	}
	name := l.tok.text
	return name, l.next()
}

// number reads a whole number that is not negative.
func (l *lexer) number() (int64, error) {
	if l.tok.kind != tokenNumber {
		return 0, l.unexpected("a number")
	}
	n, err := parseNumber(l.tok.text)
	if err != nil {
		return 0, err
	}
	return n, l.next()
}

// parseNumber reads digits.
func parseNumber(text []byte) (int64, error) {
	if len(text) <= 18 { // no overflow, and no memory
		n := int64(0)
		for _, c := range text {
			n = n*10 + int64(c-'0')
		}
		return n, nil
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, refuse("number %s: out of range", text)
	}
	return n, nil
}
