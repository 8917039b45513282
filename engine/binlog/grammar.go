package binlog

import "fmt"

// grammar is the order in which events may follow each other in one file. It
// takes only events whose frame is sound: what it refuses was written so, or
// is not this log's.
//
//	file:   Format_desc Gtid_list Binlog_checkpoint unit* [Rotate | Stop]
//	unit:   Gtid (Table_map | rows | Query)+ Xid
//	      | Gtid(standalone) Query
//	      | Binlog_checkpoint
type grammar struct {
	decoder Decoder
	state   state
	seq     uint64 // last GTID
	head    int    // events of the head seen
	trx     Begin  // the transaction that is open
	ended   bool   // Rotate or Stop seen
	inUse   bool   // of the format description
	events  int    // of the open transaction

	serverID, time uint32 // of the last event
}

type state uint8

const (
	inHead state = iota
	between
	inTrx
	afterEnd
)

// headTypes is what every file begins with.
var headTypes = [...]Type{TypeFormatDescription, TypeGTIDList, TypeCheckpoint}

// step takes the next event. boundary: no transaction is open after it. xid is
// that of a transaction that it ends, 0 if it ends none.
func (g *grammar) step(event []byte) (boundary bool, xid uint64, err error) {
	h := parseHeader(event)
	t := h.Type
	g.serverID, g.time = h.ServerID, h.Time
	var payload Payload
	switch t {
	case TypeTableMap, TypeWriteRows, TypeUpdateRows, TypeDeleteRows, TypeQuery:
		// Their contents are not needed to know where transactions end.
	default:
		if payload, err = g.decoder.Decode(event); err != nil {
			return false, 0, err
		}
	}
	switch g.state {
	case inHead:
		return g.stepHead(t, payload)
	case between:
		return g.stepBetween(t, payload)
	case inTrx:
		return g.stepInTrx(t, payload)
	}
	return false, 0, fmt.Errorf("%v event after the end of the file", t)
}

func (g *grammar) stepHead(t Type, p Payload) (bool, uint64, error) {
	if want := headTypes[g.head]; t != want {
		return false, 0, fmt.Errorf("%v event where %v belongs", t, want)
	}
	switch p := p.(type) {
	case FormatDescription:
		g.inUse = p.InUse
	case GTIDList:
		for _, last := range p.Last {
			g.seq = max(g.seq, last.Seq)
		}
	}
	if g.head++; g.head == len(headTypes) {
		g.state = between
	}
	return g.state == between, 0, nil
}

func (g *grammar) stepBetween(t Type, p Payload) (bool, uint64, error) {
	switch p := p.(type) {
	case Begin:
		if p.GTID.Seq != g.seq+1 {
			return false, 0, fmt.Errorf("GTID %v after sequence %d", p.GTID, g.seq)
		}
		g.seq, g.trx, g.events, g.state = p.GTID.Seq, p, 0, inTrx
		return false, 0, nil
	case Rotate, Stop:
		g.state, g.ended = afterEnd, true
		return true, 0, nil
	case Checkpoint:
		return true, 0, nil
	}
	return false, 0, fmt.Errorf("%v event outside a transaction", t)
}

func (g *grammar) stepInTrx(t Type, p Payload) (bool, uint64, error) {
	switch t {
	case TypeTableMap, TypeWriteRows, TypeUpdateRows, TypeDeleteRows, TypeQuery:
		g.events++
		if !g.trx.Standalone {
			return false, 0, nil
		}
		if t != TypeQuery {
			return false, 0, fmt.Errorf("%v event in standalone %v", t, g.trx.GTID)
		}
		g.state = between
		return true, 0, nil
	case TypeXid:
		xid := p.(Xid).ID
		if xid == 0 || g.trx.Standalone || g.events == 0 {
			return false, 0, fmt.Errorf("Xid %d ends transaction %v of %d events", xid, g.trx.GTID, g.events)
		}
		g.state = between
		return true, xid, nil
	}
	return false, 0, fmt.Errorf("%v event within transaction %v", t, g.trx.GTID)
}
