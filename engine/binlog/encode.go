package binlog

// serverVersion stands in every format description. Readers take MariaDB's
// framing from it.
const serverVersion = "10.11.0-MariaDB-flushbench"

const (
	binlogVersion  = 4
	versionSize    = 50
	checksumCRC32  = 1
	eventTypes     = 171 // post-header lengths in a format description
	formatPostSize = 2 + versionSize + 4 + 1 + eventTypes
	formatSize     = headerSize + formatPostSize + 1 + trailerSize
)

// postHeaders gives the length of the fixed part of each type of event in
// MariaDB 10.11; 0 for all others.
var postHeaders = map[Type]byte{
	1: 56, TypeQuery: 13, TypeRotate: 8, 6: 18, 8: 4, 9: 4, 10: 4, 11: 4, 12: 18,
	TypeFormatDescription: formatPostSize, 17: 4, 18: 26, TypeTableMap: 8,
	20: 0, 23: 8, 24: 8, 25: 8, 26: 2, 30: 10, 31: 10, 32: 10, 39: 10, 40: 10, 41: 10,
	TypeCheckpoint: 4, TypeGTID: 19, TypeGTIDList: 4, 165: 13, 166: 8, 167: 8, 168: 8, 169: 10, 170: 10, 171: 10,
}

// appendFormat appends a format description with the in-use flag set. created
// is the time at which the server started, 0 for a file begun by a rotation.
func appendFormat(b []byte, serverID, created uint32) []byte {
	start := len(b)
	b = appendHeader(b, TypeFormatDescription, serverID, flagInUse)
	b = le.AppendUint16(b, binlogVersion)
	var version [versionSize]byte
	copy(version[:], serverVersion)
	b = append(b, version[:]...)
	b = le.AppendUint32(b, created)
	b = append(b, headerSize)
	for t := range eventTypes {
		b = append(b, postHeaders[Type(t+1)])
	}
	b = append(b, checksumCRC32)
	return closeEvent(b, start)
}

// appendGTIDList appends the last GTID of each domain: one, or none at the
// very beginning.
func appendGTIDList(b []byte, serverID uint32, last GTID) []byte {
	start := len(b)
	b = appendHeader(b, TypeGTIDList, serverID, 0)
	if last.Seq == 0 {
		// NB: MariaDB wants a body of at least 6 bytes.
		b = append(b, 0, 0, 0, 0, 0, 0)
		return closeEvent(b, start)
	}
	b = le.AppendUint32(b, 1)
	b = le.AppendUint32(b, last.Domain)
	b = le.AppendUint32(b, last.Server)
	b = le.AppendUint64(b, last.Seq)
	return closeEvent(b, start)
}

// appendCheckpoint names the oldest file that recovery still needs.
func appendCheckpoint(b []byte, serverID uint32, file string) []byte {
	start := len(b)
	b = appendHeader(b, TypeCheckpoint, serverID, 0)
	b = le.AppendUint32(b, uint32(len(file)))
	b = append(b, file...)
	return closeEvent(b, start)
}

// Flags of a GTID event.
const (
	gtidStandalone    = 0x01 // one event follows, no transaction
	gtidGroupCommit   = 0x02 // a commit id follows
	gtidTransactional = 0x04
	gtidParallel      = 0x08
	gtidDDL           = 0x20
)

// Sizes of a GTID event, without and with a commit id.
const (
	gtidSize      = headerSize + 19 + trailerSize
	gtidGroupSize = headerSize + 27 + trailerSize
)

// maxLag is the largest distance that a GTID event can state: 40 bits. It also
// says that nothing is known.
const maxLag = 1<<40 - 1

// appendGTID begins a transaction. MariaDB pads the event with bytes that no
// reader looks at, but the first of them; they take lag: how many bytes before
// this event the log was known to be flushed when it was written. Recovery
// tells a tail that a crash took from damage by it.
func appendGTID(b []byte, serverID uint32, g GTID, flags byte, commitID, lag uint64) []byte {
	start := len(b)
	b = appendHeader(b, TypeGTID, serverID, flagSuppressUse)
	b = le.AppendUint64(b, g.Seq)
	b = le.AppendUint32(b, g.Domain)
	if commitID != 0 {
		b = append(b, flags|gtidGroupCommit)
		b = le.AppendUint64(b, commitID)
	} else {
		b = append(b, flags)
	}
	lag = min(lag, maxLag)
	b = append(b, 0, byte(lag), byte(lag>>8), byte(lag>>16), byte(lag>>24), byte(lag>>32))
	return closeEvent(b, start)
}

// Column types of a table map.
const (
	typeLongLong = 8
	typeVarchar  = 15
)

// database is the only one.
const database = "flushbench"

// tableID is what row events call the table. There is only one.
const tableID = 1

// appendTableMap announces the table that the row events after it change.
func appendTableMap(b []byte, serverID uint32, table string, width int) []byte {
	start := len(b)
	b = appendHeader(b, TypeTableMap, serverID, 0)
	b = appendTableID(b)
	b = le.AppendUint16(b, 1)
	b = append(b, byte(len(database)))
	b = append(b, database...)
	b = append(b, 0, byte(len(table)))
	b = append(b, table...)
	b = append(b, 0, columnCount, typeLongLong, typeLongLong, typeVarchar, 2, byte(width), byte(width>>8))
	b = append(b, 0) // no column can be null
	return closeEvent(b, start)
}

func appendTableID(b []byte) []byte { return append(b, tableID, 0, 0, 0, 0, 0) }

// rowsStmtEnd marks the last row event of a statement.
const rowsStmtEnd = 1

// Where the flags of a row event stand, and its size without rows.
const (
	atRowsFlags    = headerSize + 6
	rowsFrame      = headerSize + 6 + 2 + 1 + 1 + trailerSize
	rowsFrameWider = 1 // an update's second bitmap
)

// appendRowsHead begins a row event. Rows follow, then closeEvent.
func appendRowsHead(b []byte, t Type, serverID uint32, before, after Columns) []byte {
	b = appendHeader(b, t, serverID, 0)
	b = appendTableID(b)
	b = append(b, 0, 0, columnCount)
	switch t {
	case TypeWriteRows:
		return append(b, byte(after))
	case TypeDeleteRows:
		return append(b, byte(before))
	}
	return append(b, byte(before), byte(after))
}

// statusVars is the session under which every statement ran: flags2 = 0, the
// sql_mode of MariaDB 10.11 (strict), utf8mb3.
var statusVars = []byte{
	0, 0, 0, 0, 0,
	1, 0, 0, 0x20, 0x54, 0, 0, 0, 0,
	6, 3, 's', 't', 'd',
	4, 33, 0, 33, 0, 8, 0,
}

// querySize is the size of a statement's event.
func querySize(db string, sql int) int {
	return headerSize + 13 + len(statusVars) + len(db) + 1 + sql + trailerSize
}

// appendQuery appends a statement that ran in a session's database db.
func appendQuery(b []byte, serverID, session uint32, db string, sql []byte) []byte {
	start := len(b)
	b = appendHeader(b, TypeQuery, serverID, 0)
	b = le.AppendUint32(b, session)
	b = le.AppendUint32(b, 0) // execution time
	b = append(b, byte(len(db)), 0, 0)
	b = le.AppendUint16(b, uint16(len(statusVars)))
	b = append(b, statusVars...)
	b = append(b, db...)
	b = append(b, 0)
	b = append(b, sql...)
	return closeEvent(b, start)
}

const xidSize = headerSize + 8 + trailerSize

// appendXid ends a transaction.
func appendXid(b []byte, serverID uint32, xid uint64) []byte {
	start := len(b)
	b = appendHeader(b, TypeXid, serverID, 0)
	b = le.AppendUint64(b, xid)
	return closeEvent(b, start)
}

// appendRotate ends a file and names the next one.
func appendRotate(b []byte, serverID uint32, next string) []byte {
	start := len(b)
	b = appendHeader(b, TypeRotate, serverID, 0)
	b = le.AppendUint64(b, magicSize)
	b = append(b, next...)
	return closeEvent(b, start)
}

// appendStop ends the last file of a log that was closed.
func appendStop(b []byte, serverID uint32) []byte {
	start := len(b)
	return closeEvent(appendHeader(b, TypeStop, serverID, 0), start)
}

// preamble is what every file begins with, sealed: magic, format description,
// GTID list, binlog checkpoint. It is flushed before the index names the file.
func preamble(serverID, created, now uint32, last GTID, file string) []byte {
	b := append([]byte(nil), magic...)
	for _, add := range []func([]byte) []byte{
		func(b []byte) []byte { return appendFormat(b, serverID, created) },
		func(b []byte) []byte { return appendGTIDList(b, serverID, last) },
		func(b []byte) []byte { return appendCheckpoint(b, serverID, file) },
	} {
		start := len(b)
		b = add(b)
		seal(b[start:], now, int64(len(b)))
	}
	return b
}
