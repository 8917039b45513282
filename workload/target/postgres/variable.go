package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// variable is a row of pg_settings, as a new session sees it.
type variable struct {
	name    string
	value   string // as SHOW spells it: 200ms
	setting string // in units of unit: 200
	unit    string // ms, 8kB, ...; "": none
	kind    string // bool, integer, real, enum, string
	context string // when it may be changed: user, superuser, sighup, postmaster, internal, ...
	source  string // where its value comes from: default, command line, ...
}

// variables reads the named variables that the server knows and the user may see.
func variables(ctx context.Context, c *pgconn.PgConn, names []string) (map[string]variable, error) {
	found, err := rows(ctx, c, `SELECT name, current_setting(name), coalesce(setting, ''), coalesce(unit, ''), vartype, context, source
		FROM pg_catalog.pg_settings WHERE name = ANY ($1::text[])`, array(names))
	if err != nil {
		return nil, wrap("read pg_settings", err)
	}
	m := make(map[string]variable, len(found))
	for _, row := range found {
		m[row[0]] = variable{name: row[0], value: row[1], setting: row[2], unit: row[3], kind: row[4], context: row[5], source: row[6]}
	}
	return m, nil
}

// array writes names as the text of an array.
func array(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(n) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}

// is reports whether text means the value that v has: on and true do, 0.2s and
// 200ms, and a number without a unit is in the unit of the variable. A text that
// cannot be read differs from every value but itself; the server will say what is
// wrong with it.
func (v *variable) is(text string) bool {
	text = strings.TrimSpace(text)
	if text == v.setting || text == v.value {
		return true
	}
	switch v.kind {
	case "bool":
		a, okA := truth(text)
		b, okB := truth(v.setting)
		return okA && okB && a == b
	case "enum":
		// synchronous_commit and its like take the words of a bool too.
		a, okA := truth(text)
		b, okB := truth(v.setting)
		return strings.EqualFold(text, v.setting) || okA && okB && a == b
	case "integer", "real":
		a, errA := quantity(text, v.unit)
		b, errB := strconv.ParseFloat(v.setting, 64)
		if v.kind == "integer" {
			a = math.RoundToEven(a)
		}
		return errA == nil && errB == nil && a == b
	}
	return false
}

// truth reads a bool as PostgreSQL does, from any beginning that is no other
// word's.
func truth(text string) (value, ok bool) {
	text = strings.ToLower(text)
	if text == "" {
		return false, false
	}
	for _, word := range []struct {
		name  string
		value bool
		least int
	}{{"true", true, 1}, {"yes", true, 1}, {"on", true, 2}, {"1", true, 1}, {"false", false, 1}, {"no", false, 1}, {"off", false, 2}, {"0", false, 1}} {
		if len(text) >= word.least && strings.HasPrefix(word.name, text) {
			return word.value, true
		}
	}
	return false, false
}

// scales are the units of memory in bytes and of time in microseconds.
var scales = map[string]struct {
	time bool
	size float64
}{
	"B": {false, 1}, "kB": {false, 1 << 10}, "MB": {false, 1 << 20}, "GB": {false, 1 << 30}, "TB": {false, 1 << 40},
	"us": {true, 1}, "ms": {true, 1e3}, "s": {true, 1e6}, "min": {true, 60e6}, "h": {true, 3600e6}, "d": {true, 86400e6},
}

// quantity reads a number with a unit, or without one, in units of unit, which may
// be a multiple: 8kB.
func quantity(text, unit string) (float64, error) {
	cut := len(strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	n, err := strconv.ParseFloat(strings.TrimSpace(text[:cut]), 64)
	if err != nil {
		return 0, fmt.Errorf("postgres: %q is no number", text)
	}
	if cut == len(text) {
		return n, nil
	}
	digits := len(unit) - len(strings.TrimLeft(unit, "0123456789"))
	times := 1.0
	if digits > 0 {
		if times, err = strconv.ParseFloat(unit[:digits], 64); err != nil {
			return 0, fmt.Errorf("postgres: %q is no unit", unit)
		}
	}
	from, okFrom := scales[text[cut:]]
	to, okTo := scales[unit[digits:]]
	if !okFrom || !okTo || from.time != to.time {
		return 0, fmt.Errorf("postgres: %q is not in a unit that %q can be turned into", text, unit)
	}
	return n * from.size / (times * to.size), nil
}

// perSession reports whether a session may have a value of its own, so that it can
// be set for one user in one database.
func (v *variable) perSession() bool {
	return slices.Contains([]string{"user", "superuser", "backend", "superuser-backend"}, v.context)
}

// whole reports whether the variable is one for the whole server that it takes
// over when told to read its configuration again.
func (v *variable) whole() bool { return v.context == "sighup" }
