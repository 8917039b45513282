package vfs

import "flushbench/engine/axis"

// Method is how bytes are made durable: the flush method. It is a property of
// an open file. The zero value is Fdatasync, the default.
type Method uint8

// The flush methods. See methodTable for what each does.
const (
	Fdatasync Method = iota
	Fsync
	OSync
	ODsync
	RWFDsync
	DirectFdatasync
	DirectODsync
	None
	DirectNone
)

// Methods is the table of the flush-method axis.
var Methods = axis.Table[Method]{
	Axis: "flush method",
	Values: []axis.Value[Method]{
		{Value: Fdatasync, Name: "fdatasync", Help: "buffered pwrite, then fdatasync (data and the metadata needed to read it)"},
		{Value: Fsync, Name: "fsync", Help: "buffered pwrite, then fsync (all metadata too, mtime included)"},
		{Value: OSync, Name: "o_sync", Alias: []string{"open_sync", "osync"}, Help: "file opened O_SYNC: every write returns as after fsync"},
		{Value: ODsync, Name: "o_dsync", Alias: []string{"open_datasync", "dsync"}, Help: "file opened O_DSYNC: every write returns as after fdatasync"},
		{Value: RWFDsync, Name: "rwf_dsync", Help: "pwritev2 with RWF_DSYNC where a commit waits, fdatasync for timers"},
		{Value: DirectFdatasync, Name: "o_direct+fdatasync", Alias: []string{"direct"}, Help: "O_DIRECT write past the page cache, then fdatasync"},
		{Value: DirectODsync, Name: "o_direct+o_dsync", Help: "O_DIRECT and O_DSYNC: one FUA write where the device has FUA"},
		{Value: None, Name: "none", Alias: []string{"nosync"}, Help: "buffered pwrite, never flushed: NOT DURABLE, a ceiling and a control"},
		{Value: DirectNone, Name: "o_direct+none", Help: "O_DIRECT write, never flushed: NOT DURABLE, a control"},
	},
}

// String returns the name of m.
func (m Method) String() string { return Methods.Name(m) }

// MarshalText implements encoding.TextMarshaler.
func (m Method) MarshalText() ([]byte, error) { return Methods.MarshalText(m) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Method) UnmarshalText(text []byte) error { return Methods.UnmarshalText(m, text) }

// Direct reports whether writes bypass the page cache (O_DIRECT).
func (m Method) Direct() bool {
	return m == DirectFdatasync || m == DirectODsync || m == DirectNone
}

// WriteThrough reports whether every WriteAt is durable when it returns, so
// that written = flushed and Flush has nothing to do.
func (m Method) WriteThrough() bool {
	return m == OSync || m == ODsync || m == DirectODsync
}

// Durable reports whether the method makes anything durable at all.
func (m Method) Durable() bool { return m != None && m != DirectNone }
