package binlog

import (
	"fmt"
	"strings"
)

// GTID is a global transaction id.
type GTID struct {
	Domain uint32
	Server uint32
	Seq    uint64 // from 1, one more for each transaction
}

// String prints domain-server-sequence.
func (g GTID) String() string { return fmt.Sprintf("%d-%d-%d", g.Domain, g.Server, g.Seq) }

// Payload is what an event says. It is one of the types below.
type Payload interface{ String() string }

// FormatDescription is the first event of every file.
type FormatDescription struct {
	Server  string
	Created uint32 // when the server started, in seconds since 1970; 0 after a rotation
	InUse   bool   // the file was not closed
}

// GTIDList holds the last GTID before the file, if any.
type GTIDList struct{ Last []GTID }

// Checkpoint names the oldest file that recovery needs.
type Checkpoint struct{ File string }

// Begin is the GTID event that begins a transaction or a standalone statement.
type Begin struct {
	GTID       GTID
	Standalone bool   // one statement follows, and no Xid
	CommitID   uint64 // the same for the transactions of one group; 0 for a group of one
	Lag        uint64 // bytes between the flushed position and this event when it was written; MaxLag: unknown
}

// MaxLag is the lag that says nothing.
const MaxLag = maxLag

// TableMap announces the table of the row events that follow.
type TableMap struct {
	ID              uint64
	Database, Table string
	Width           int // n of c VARBINARY(n)
}

// Change is one row of a row event. The rows' C point into the event.
type Change struct {
	Before, After Row // those columns that the event holds are set
}

// Rows is a row event.
type Rows struct {
	Kind          Type // TypeWriteRows, TypeUpdateRows or TypeDeleteRows
	TableID       uint64
	StmtEnd       bool    // the last one of its statement
	Before, After Columns // which columns of Change are there
	Changes       []Change
}

// Query is a statement.
type Query struct {
	Session  uint32
	Database string
	SQL      []byte // points into the event
}

// Xid ends a transaction.
type Xid struct{ ID uint64 }

// Rotate ends a file and names the next.
type Rotate struct {
	File string
	Pos  uint64
}

// Stop ends the last file of a log that was closed.
type Stop struct{}

// String methods print what mariadb-binlog prints, on one line.

func (p FormatDescription) String() string {
	s := "server " + p.Server
	if p.Created != 0 {
		s += ", at startup"
	}
	if p.InUse {
		s += ", in use"
	}
	return s
}

func (p GTIDList) String() string {
	var list []string
	for _, g := range p.Last {
		list = append(list, g.String())
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func (p Checkpoint) String() string { return p.File }

func (p Begin) String() string {
	s := p.GTID.String()
	if p.Standalone {
		s += " standalone"
	}
	if p.CommitID != 0 {
		s += fmt.Sprintf(" cid=%d", p.CommitID)
	}
	if p.Lag != MaxLag {
		s += fmt.Sprintf(" flushed up to %d bytes before", p.Lag)
	}
	return s
}

func (p TableMap) String() string {
	return fmt.Sprintf("`%s`.`%s` mapped to number %d, c VARBINARY(%d)", p.Database, p.Table, p.ID, p.Width)
}

func (p Rows) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "table %d, rows %d", p.TableID, len(p.Changes))
	if p.StmtEnd {
		s.WriteString(", end of statement")
	}
	for i, c := range p.Changes {
		if i == 3 {
			s.WriteString(" ...")
			break
		}
		if p.Kind != TypeWriteRows {
			s.WriteString(" " + printRow(c.Before, p.Before))
		}
		if p.Kind == TypeUpdateRows {
			s.WriteString(" ->")
		}
		if p.Kind != TypeDeleteRows {
			s.WriteString(" " + printRow(c.After, p.After))
		}
	}
	return s.String()
}

func printRow(r Row, cols Columns) string {
	var list []string
	if cols&ColID != 0 {
		list = append(list, fmt.Sprintf("id=%d", r.Key))
	}
	if cols&ColK != 0 {
		list = append(list, fmt.Sprintf("k=%d", r.K))
	}
	if cols&ColC != 0 {
		list = append(list, fmt.Sprintf("c=%d bytes", len(r.C)))
	}
	return "(" + strings.Join(list, " ") + ")"
}

func (p Query) String() string {
	if len(p.SQL) > 100 {
		return fmt.Sprintf("session %d: %q ...", p.Session, p.SQL[:100])
	}
	return fmt.Sprintf("session %d: %q", p.Session, p.SQL)
}

func (p Xid) String() string    { return fmt.Sprintf("%d", p.ID) }
func (p Rotate) String() string { return fmt.Sprintf("to %s pos %d", p.File, p.Pos) }
func (Stop) String() string     { return "" }

// Event is one decoded event of a file.
type Event struct {
	Header
	File    string // base name
	Offset  int64  // where it begins in the file
	Payload Payload
}

// String gives one line: where, when, what.
func (e Event) String() string {
	s := fmt.Sprintf("%s:%d-%d time %d server %d %v", e.File, e.Offset, e.NextPos, e.Time, e.ServerID, e.Type)
	if text := e.Payload.String(); text != "" {
		s += " " + text
	}
	return s
}
