package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// MaxFileBytes is the largest result.json that is read or written.
const MaxFileBytes = 256 << 20

// Limits on what a file may hold. They keep a hostile or broken file from
// costing more than it says, and are far above what a run writes.
const (
	maxCells  = 100_000
	maxRounds = 10_000
)

// Errors of Decode, for errors.Is.
var (
	// ErrNewer is returned when a newer flushbench wrote the file.
	ErrNewer = errors.New("written by a newer flushbench")
	// ErrInvalid is returned when the file is no result.
	ErrInvalid = errors.New("not a valid result")
)

var errTooLarge = fmt.Errorf("result: decode: %w: over %d bytes", ErrInvalid, MaxFileBytes)

// Encode returns r as indented JSON with a final newline, arrays of plain values on
// a line each; a merge stands in one line. It refuses what no
// reader could take back: a figure that is not finite (the error names it) or
// an illegal value.
func Encode(r *Result) ([]byte, error) {
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("result: encode: %w", err)
	}
	encode := encodeIndented
	if r.Merge != nil {
		encode = encodeMerge
	}
	data, err := encode(r)
	if err != nil {
		return nil, fmt.Errorf("result: encode: %w", err)
	}
	if len(data) > MaxFileBytes {
		return nil, fmt.Errorf("result: encode: %d bytes, at most %d are legal", len(data), MaxFileBytes)
	}
	return data, nil
}

// encodeIndented is the text of any result but a merge.
func encodeIndented(r *Result) ([]byte, error) {
	if err := finite(reflect.ValueOf(r).Elem(), ""); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(withoutNilSlices(r)); err != nil {
		return nil, err
	}
	return oneLine(buf.Bytes()), nil
}

// Decode reads a result of this schema or an older one. Unknown fields are
// ignored, since fields may be added without a new schema. It never panics and
// reads at most MaxFileBytes.
func Decode(src io.Reader) (*Result, error) {
	data, err := io.ReadAll(io.LimitReader(src, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("result: read: %w", err)
	}
	return decode(data)
}

// decode is Decode of a text.
func decode(data []byte) (*Result, error) {
	if len(data) > MaxFileBytes {
		return nil, errTooLarge
	}
	data, err := migrate(data)
	if err != nil {
		return nil, err
	}
	r := &Result{}
	if json.Unmarshal(data, r) != nil {
		return nil, decodeError(data)
	}
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("result: decode: %w: %w", ErrInvalid, err)
	}
	for _, part := range append(r.mergedResults(), r) {
		if part.Scenario == nil {
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, part.Scenario); err != nil {
			return nil, fmt.Errorf("result: decode: scenario: %w: %w", ErrInvalid, err)
		}
		part.Scenario = compact.Bytes()
	}
	return r, nil
}

// decodeError says why data cannot be decoded.
func decodeError(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&Result{}); err != nil {
		return fmt.Errorf("result: decode: %w: %w", ErrInvalid, inWords(err, data))
	}
	return fmt.Errorf("result: decode: %w: more after the JSON object, at byte %d", ErrInvalid, dec.InputOffset())
}

// migration turns the JSON of one schema into that of the next.
type migration func(fields map[string]json.RawMessage) error

// migrations holds, under n, the step from schema n to n+1.
// INVARIANT: there is one for every schema from 1 to Version-1.
var migrations = map[int]migration{}

// migrate brings data up to Version.
func migrate(data []byte) ([]byte, error) {
	if n, ok := leadingSchema(data); ok {
		return migrateFrom(data, n, Version, migrations)
	}
	var head struct {
		Schema *int `json:"schema"`
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&head); err != nil {
		return nil, fmt.Errorf("result: decode: %w: %w", ErrInvalid, inWords(err, data))
	}
	if head.Schema == nil {
		return nil, fmt.Errorf("result: decode: %w: it has no schema number", ErrInvalid)
	}
	return migrateFrom(data, *head.Schema, Version, migrations)
}

// leadingSchema reads the schema where it stands first, as Encode writes it, without
// a look at the rest.
func leadingSchema(data []byte) (n int, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(data))
	for _, want := range []json.Token{json.Delim('{'), "schema"} {
		if got, err := dec.Token(); err != nil || got != want {
			return 0, false
		}
	}
	var schema *int // null is none
	if dec.Decode(&schema) != nil || schema == nil {
		return 0, false
	}
	return *schema, true
}

// migrateFrom applies the steps of table from schema from to schema to.
func migrateFrom(data []byte, from, to int, table map[int]migration) ([]byte, error) {
	switch {
	case from > to:
		return nil, fmt.Errorf("result: %w: schema %d, this one reads up to %d", ErrNewer, from, to)
	case from < 1:
		return nil, fmt.Errorf("result: decode: %w: schema %d, legal are 1 to %d", ErrInvalid, from, to)
	case from == to:
		return data, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("result: migrate: %w: %w", ErrInvalid, err)
	}
	for n := from; n < to; n++ {
		step, ok := table[n]
		if !ok {
			return nil, fmt.Errorf("result: migrate: no step from schema %d to %d", n, n+1)
		}
		if err := step(fields); err != nil {
			return nil, fmt.Errorf("result: migrate from schema %d: %w: %w", n, ErrInvalid, err)
		}
		fields["schema"] = json.RawMessage(strconv.Itoa(n + 1))
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("result: migrate: %w", err)
	}
	return out, nil
}

// validate checks what every reader relies on.
func (r *Result) validate() error {
	if r.Schema != Version {
		return fmt.Errorf("schema %d, want %d", r.Schema, Version)
	}
	if !slices.Contains(Kinds(), r.Kind) {
		return fmt.Errorf("unknown kind %q: legal values are %s", r.Kind, strings.Join(Kinds(), ", "))
	}
	if len(r.Cells) > maxCells {
		return fmt.Errorf("%d cells, at most %d are legal", len(r.Cells), maxCells)
	}
	names := make(map[string]bool, len(r.Cells))
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Name == "" || names[c.Name] {
			return fmt.Errorf("cells[%d]: name %q is empty or given twice", i, c.Name)
		}
		names[c.Name] = true
		if len(c.Rounds) > maxRounds {
			return fmt.Errorf("cell %s: %d rounds, at most %d are legal", c.Name, len(c.Rounds), maxRounds)
		}
		for j := range c.Rounds {
			if err := c.Rounds[j].validate(); err != nil {
				return fmt.Errorf("cell %s, rounds[%d]: %w", c.Name, j, err)
			}
		}
	}
	return r.Merge.validate()
}

func (r *Round) validate() error {
	if r.Commits < 0 || r.DurationS < 0 || r.TPS < 0 {
		return fmt.Errorf("commits %d, tps %v, duration_s %v: none may be negative", r.Commits, r.TPS, r.DurationS)
	}
	if s := r.Series; s != nil {
		if n := len(s.Commits); len(s.LatencyMeanNS) != n || len(s.LatencyMaxNS) != n {
			return errors.New("series: slices of unequal length")
		}
	}
	if s := r.AtRiskSeries; s != nil {
		if n := len(s.TNS); len(s.Process) != n || len(s.OS) != n || len(s.Power) != n {
			return errors.New("at_risk_series: slices of unequal length")
		}
	}
	return r.Memory.validate()
}

// withoutNilSlices returns a copy of r whose own lists are written as [] and
// not as null, so that other programs need no special case.
func withoutNilSlices(r *Result) *Result {
	c := *r
	c.CommandLine = emptied(c.CommandLine)
	c.Warnings = emptied(c.Warnings)
	c.Environment.Warnings = emptied(c.Environment.Warnings)
	c.Environment.Cgroup.IOLimits = emptied(c.Environment.Cgroup.IOLimits)
	c.Environment.Device.Stack = emptied(c.Environment.Device.Stack)
	c.Merge = c.Merge.withoutNilSlices()
	c.Cells = append(make([]Cell, 0, len(r.Cells)), r.Cells...)
	for i := range c.Cells {
		cell := &c.Cells[i]
		cell.Warnings = emptied(cell.Warnings)
		cell.Rounds = append(make([]Round, 0, len(cell.Rounds)), cell.Rounds...)
		for j := range cell.Rounds {
			round := &cell.Rounds[j]
			round.Warnings = emptied(round.Warnings)
			round.GroupSizes = emptied(round.GroupSizes)
			if round.Flushes.ByReason == nil {
				round.Flushes.ByReason = map[string]int64{}
			}
		}
	}
	return &c
}

func emptied[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// finite returns an error with the path of the first figure in v that is
// infinite or not a number, which JSON cannot say.
func finite(v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%s is %v, only finite figures are legal", strings.TrimPrefix(path, "."), f)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return finite(v.Elem(), path)
		}
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k == reflect.Int64 || k == reflect.Uint8 || k == reflect.String {
			return nil
		}
		for i := range v.Len() {
			if err := finite(v.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() {
				continue
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if err := finite(v.Field(i), path+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}
