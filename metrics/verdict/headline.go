package verdict

import (
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// preambles begin the sentences of an answer that are no finding: what the words mean,
// that the tool could see, what it could not.
var preambles = []string{
	"The lab can see: ",
	"No control was run: ",
	"A flush was made to fail in ",
	"The disk was filled, and a file met its end, in ",
	"A setting is policy/sync_binlog: ",
	"A server shows nobody ",
	"No paced cell was measured",
}

// Headline returns the one sentence to be said of a result where there is room for no
// more: the first of Found that finds something, or the first at all. "": nothing was
// found.
func Headline(r *result.Result) string {
	found := slices.DeleteFunc(slices.Clone(Found(r)), func(s string) bool { return s == "" })
	for _, s := range found {
		if !slices.ContainsFunc(preambles, func(p string) bool { return strings.HasPrefix(s, p) }) {
			return s
		}
	}
	if len(found) == 0 {
		return ""
	}
	return found[0]
}
