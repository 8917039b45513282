package result

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestDecodeSaysWhatIsWrong: in our words, where, and what is legal.
func TestDecodeSaysWhatIsWrong(t *testing.T) {
	of := func(fields string) string { return `{"schema":1,"kind":"run",` + fields + `}` }
	for _, c := range []struct{ text, says string }{
		{`{"schema":"1","kind":"run"}`, "schema is a text, legal is a whole number (at byte 13)"},
		{`{"kind":"run","schema":"1"}`, "schema is a text, legal is a whole number (at byte 26)"},
		{`{"schema":1.5,"kind":"run"}`, "schema is the number 1.5, legal is a whole number (at byte 13)"},
		{`{"schema":{}}`, "schema is an object, legal is a whole number (at byte 11)"},
		{`{"schema":null}`, "it has no schema number"},
		{`{"schema":1,"kind":3}`, "kind is a number, legal is a text (at byte 20)"},
		{of(`"complete":1`), "complete is a number, legal is true or false (at byte "},
		{of(`"error":true`), "error is true or false, legal is a text (at byte "},
		{of(`"cells":{}`), "cells is an object, legal is a list (at byte "},
		{of(`"environment":[]`), "environment is a list, legal is an object (at byte "},
		{of(`"seed":-1`), "seed is the number -1, legal is a whole number, not negative (at byte "},
		{of(`"cells":[{"name":"a","rounds":[{"tps":"fast"}]}]`), "cells.rounds.tps is a text, legal is a number (at byte "},
		{of(`"cells":[{"name":"a","rounds":[{"commits":1e99}]}]`), "cells.rounds.commits is the number 1e99, legal is a whole number (at byte "},
		{of(`"cells":[{"name":"a","params":{"sync_binlog":"x"}}]`), "cells.params.sync_binlog is a text, legal is a whole number (at byte "},
		{of(`"started":"noon"`), "started or finished is no time, legal is a text such as 2026-11-21T09:14:02Z"},
		{of(`"finished":5`), "started or finished is no time, legal is a text such as 2026-11-21T09:14:02Z"},
		{`[]`, "the whole is a list, legal is an object (at byte 1)"},
		{"", "it is empty"},
		{" \n", "it is empty"},
		{`{"schema":1,"kind"`, "it ends in the middle, at byte 18"},
		{`{`, "it ends in the middle, at byte 1"},
		{of(`"cells":[}`), "it is no JSON from byte "},
		{"<html>", "it is no JSON from byte 1 on"},
	} {
		_, err := Decode(strings.NewReader(c.text))
		want := "result: decode: not a valid result: " + c.says
		if !errors.Is(err, ErrInvalid) || !strings.HasPrefix(fmt.Sprint(err), want) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "Go ") {
			t.Errorf("Decode(%s) = %v; want %s", c.text, err, want)
		}
	}
}
