package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/trx"
)

const (
	// maxChanges is how many changes of a mini-transaction stand on its line.
	maxChanges = 3
	// maxHex is how many bytes of a change are printed.
	maxHex = 32
)

// lineWriter prints lines for a reader or, one object each, for a program.
type lineWriter struct {
	w       io.Writer
	json    bool
	verbose bool
}

// line writes text, or v.
func (l *lineWriter) line(text string, v any) error {
	if l.json {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		text = string(b)
	}
	_, err := io.WriteString(l.w, text+"\n")
	return err
}

// endLine says why a part ends: at the end of the log, or because no more was
// asked for.
type endLine struct {
	Kind   string  `json:"kind"` // "end"
	Part   string  `json:"part"`
	Ended  bool    `json:"ended"` // the log ends here
	LSN    lsn.LSN `json:"lsn,omitempty"`
	File   string  `json:"file,omitempty"`
	Offset int64   `json:"offset,omitempty"`
	Reason string  `json:"reason"`
	Valid  *int64  `json:"valid,omitempty"`  // end of the last complete transaction in File
	Closed bool    `json:"closed,omitempty"` // the binlog was closed
}

func (l *lineWriter) end(e endLine) error {
	e.Kind = "end"
	where := ""
	switch {
	case e.File != "":
		where = fmt.Sprintf(" at %s:%d", e.File, e.Offset)
	case e.LSN != 0:
		where = fmt.Sprintf(" at LSN %v", e.LSN)
	}
	text := fmt.Sprintf("%s%s: %s", e.Part, where, e.Reason)
	if e.Ended {
		text = fmt.Sprintf("%s ends%s: %s", e.Part, where, e.Reason)
	}
	if e.Valid != nil {
		state := "not closed"
		if e.Closed {
			state = "closed"
		}
		text += fmt.Sprintf("; transactions are whole up to %d, %s", *e.Valid, state)
	}
	return l.line(text, e)
}

type slotLine struct {
	Kind        string  `json:"kind"` // "checkpoint"
	Slot        int     `json:"slot"`
	State       string  `json:"state"`
	Reason      string  `json:"reason,omitempty"`
	Number      uint64  `json:"number"`
	LSN         lsn.LSN `json:"lsn"`
	Flushed     lsn.LSN `json:"flushed"`
	Incarnation uint32  `json:"incarnation"`
	IncStart    lsn.LSN `json:"incarnation_start"`
}

func (l *lineWriter) slot(i int, s *slot) error {
	text := fmt.Sprintf("checkpoint slot %d %s", i, s.state)
	switch s.state {
	case slotDamaged:
		text += ": " + s.reason
	case slotEmpty:
		text += ": never written"
	default:
		text += fmt.Sprintf(": number %d, LSN %v, flushed up to %v, incarnation %d from %v", s.Number, s.LSN, s.Flushed, s.Incarnation, s.IncStart)
	}
	return l.line(text, slotLine{"checkpoint", i, s.state, s.reason, s.Number, s.LSN, s.Flushed, s.Incarnation, s.IncStart})
}

type changeLine struct {
	Page    string `json:"page"`
	Offset  int    `json:"offset,omitempty"`
	Length  int    `json:"length,omitempty"`
	NewType *uint8 `json:"new_type,omitempty"` // the page is made anew
	Bytes   string `json:"bytes,omitempty"`    // hex; with -v
}

// String is what changed, without the bytes.
func (c changeLine) String() string {
	if c.NewType != nil {
		return fmt.Sprintf("page %s new, type %d", c.Page, *c.NewType)
	}
	return fmt.Sprintf("page %s +%d %d bytes", c.Page, c.Offset, c.Length)
}

// recordLine is one redo record. Only the fields of its type are set.
type recordLine struct {
	Kind        string       `json:"kind"` // "redo"
	Start       lsn.LSN      `json:"start"`
	End         lsn.LSN      `json:"end"`
	Incarnation uint32       `json:"incarnation"`
	Type        string       `json:"type"`
	Trx         *trx.ID      `json:"trx,omitempty"` // 0: none
	Changes     []changeLine `json:"changes,omitempty"`
	Client      *uint32      `json:"client,omitempty"`
	Seq         uint64       `json:"seq,omitempty"`
	Body        *int         `json:"body,omitempty"` // bytes
}

func (l *lineWriter) record(r *redo.Record) error {
	line := recordLine{Kind: "redo", Start: r.Start, End: r.End, Incarnation: r.Incarnation, Type: r.Type.String()}
	var text string
	switch client, seq, body, commit := r.Commit(); {
	case commit:
		n := len(body)
		line.Client, line.Seq, line.Body = &client, seq, &n
		text = fmt.Sprintf("client %d seq %d, %d bytes", client, seq, n)
	case r.Type == redo.TypeMtr:
		var err error
		if text, err = l.mtr(r, &line); err != nil {
			return err
		}
	default:
		text = fmt.Sprintf("%d bytes", len(r.Payload))
	}
	return l.line(fmt.Sprintf("redo %v-%v %v %s", r.Start, r.End, r.Type, text), line)
}

// mtr decodes a mini-transaction into line and describes it.
func (l *lineWriter) mtr(r *redo.Record, line *recordLine) (string, error) {
	id, body, ok := r.Mtr()
	if !ok {
		return "", fmt.Errorf("redo record at LSN %v: a mini-transaction of %d bytes", r.Start, len(r.Payload))
	}
	line.Trx = &id
	var texts []string
	err := bufpool.Changes(body, func(c bufpool.Change) error {
		cl := changeLine{Page: pageName(c.ID), Offset: c.Offset, Length: len(c.Bytes)}
		if c.Kind == bufpool.KindInit {
			cl.NewType = &c.Type
		}
		switch {
		case l.verbose && l.json:
			cl.Bytes = hex.EncodeToString(c.Bytes)
		case l.verbose:
			texts = append(texts, strings.TrimRight(fmt.Sprintf("%v %s", cl, hexOf(c.Bytes)), " "))
		case len(texts) < maxChanges:
			texts = append(texts, cl.String())
		}
		line.Changes = append(line.Changes, cl)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("redo record at LSN %v: %w", r.Start, err)
	}
	text := fmt.Sprintf("trx %v changes %d", id, len(line.Changes))
	if l.verbose {
		for _, t := range texts {
			text += "\n    " + t
		}
		return text, nil
	}
	text += ": " + strings.Join(texts, "; ")
	if more := len(line.Changes) - maxChanges; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text, nil
}

// hexOf shows the first bytes of a change.
func hexOf(b []byte) string {
	if len(b) > maxHex {
		return hex.EncodeToString(b[:maxHex]) + "..."
	}
	return hex.EncodeToString(b)
}

// pageName is table:17 or undo:5.
func pageName(id bufpool.PageID) string {
	return fmt.Sprintf("%s:%d", strings.TrimSuffix(bufpool.FileName(id.Space), ".pages"), id.No)
}

type eventLine struct {
	Kind   string `json:"kind"` // "binlog"
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	End    uint32 `json:"end"`
	Time   uint32 `json:"time"`
	Server uint32 `json:"server"`
	Type   string `json:"type"`
	Text   string `json:"text"`
}

func (l *lineWriter) event(e *binlog.Event) error {
	return l.line("binlog "+e.String(), eventLine{"binlog", e.File, e.Offset, e.NextPos, e.Time, e.ServerID, e.Type.String(), e.Payload.String()})
}
