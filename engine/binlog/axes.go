package binlog

import "flushbench/engine/axis"

// Format is what the log says of a statement: its text or the rows that it
// changed (binlog_format). The zero value is FormatRow, the default.
type Format uint8

// The formats.
const (
	FormatRow Format = iota
	FormatStatement
	FormatMixed
)

// Formats is the table of the binlog-format axis.
var Formats = axis.Table[Format]{
	Axis: "binlog format",
	Values: []axis.Value[Format]{
		{Value: FormatRow, Name: "row", Help: "the rows that a statement changed: bytes grow with the rows"},
		{Value: FormatStatement, Name: "statement", Help: "the text of the statement: unsafe ones may give other rows when they are replayed"},
		{Value: FormatMixed, Name: "mixed", Help: "the text, but rows for a statement that is unsafe"},
	},
}

// String returns the name of f.
func (f Format) String() string { return Formats.Name(f) }

// MarshalText implements encoding.TextMarshaler.
func (f Format) MarshalText() ([]byte, error) { return Formats.MarshalText(f) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Format) UnmarshalText(text []byte) error { return Formats.UnmarshalText(f, text) }

// Rows reports whether a statement is logged as rows.
func (f Format) Rows(unsafe bool) bool { return f == FormatRow || f == FormatMixed && unsafe }

// RowImage is how much of a row stands in a row event (binlog_row_image). The
// zero value is ImageFull, the default.
type RowImage uint8

// The row images.
const (
	ImageFull RowImage = iota
	ImageMinimal
)

// RowImages is the table of the row-image axis.
var RowImages = axis.Table[RowImage]{
	Axis: "binlog row image",
	Values: []axis.Value[RowImage]{
		{Value: ImageFull, Name: "full", Help: "all columns, before and after"},
		{Value: ImageMinimal, Name: "minimal", Help: "before: the primary key; after: the columns that changed"},
	},
}

// String returns the name of i.
func (i RowImage) String() string { return RowImages.Name(i) }

// MarshalText implements encoding.TextMarshaler.
func (i RowImage) MarshalText() ([]byte, error) { return RowImages.MarshalText(i) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *RowImage) UnmarshalText(text []byte) error { return RowImages.UnmarshalText(i, text) }
