package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// inWords says in words what a file has that is no result: what, where, and what is
// legal, in one line. data is what was decoded, err what the decoder says.
func inWords(err error, data []byte) error {
	var typ *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	var moment *time.ParseError
	switch {
	case errors.As(err, &typ):
		what := typ.Field
		if what == "" {
			what = "the whole"
		}
		return fmt.Errorf("%s is %s, legal is %s (at byte %d)", what, valueInWords(typ.Value), typeInWords(typ.Type), typ.Offset)
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("it ends in the middle, at byte %d", len(data))
	case errors.As(err, &syntax):
		return fmt.Errorf("it is no JSON from byte %d on", syntax.Offset)
	case errors.As(err, &moment), strings.HasPrefix(err.Error(), "Time."):
		return errors.New("started or finished is no time, legal is a text such as 2026-11-21T09:14:02Z")
	}
	return err
}

// valueInWords names a value as the decoder calls it: string, or number 1.5.
func valueInWords(value string) string {
	kind, figure, _ := strings.Cut(value, " ")
	switch {
	case figure != "":
		return "the number " + figure
	case kind == "string":
		return "a text"
	case kind == "bool":
		return "true or false"
	case kind == "array":
		return "a list"
	case kind == "object":
		return "an object"
	}
	return "a " + kind // number
}

// typeInWords names what a field may hold.
func typeInWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeInWords(t.Elem())
	case reflect.Int64, reflect.Int:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number, not negative"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	}
	return "an object" // structs and maps
}
