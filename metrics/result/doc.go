// Package result is the result file: its schema as Go types, the codec, the
// migration of older schemas, saving and loading, and the exports that stand
// beside result.json.
//
// Everything that flushbench shows is computed from a Result alone, so every
// table, plot and page can be made again later from the file. The package
// holds no logic about what a figure means (metrics/stats) and writes no
// sentences (metrics/verdict).
//
// Units: every duration is an integer of nanoseconds in a field whose name
// ends in _ns; the one exception is duration_s. Sizes are bytes, rates are per
// second, shares lie between 0 and 1. A figure that was not measured is null,
// never 0. docs/result-schema.md describes the schema field by field.
package result
