package plug

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"
)

// protocolVersion is that of the frames, of the journal and of the folder of a load.
const protocolVersion = 1

// ID names a run, and a witness. It is random: nobody has it by accident.
type ID [16]byte

// newID draws an ID.
func newID() (id ID, err error) {
	if _, err = rand.Read(id[:]); err != nil {
		return id, fmt.Errorf("plug: %w", err)
	}
	return id, nil
}

// String returns the ID in hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(id) {
		return fmt.Errorf("plug: run id %q: must be %d hexadecimal digits", text, 2*len(id))
	}
	copy(id[:], b)
	return nil
}

// legalName keeps names fit for a folder on every file system.
var legalName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// CheckName says whether a run may be called that.
func CheckName(name string) error {
	if !legalName.MatchString(name) {
		return fmt.Errorf("plug: name %q: must be 1 to 32 small letters, digits and hyphens", name)
	}
	return nil
}

// Limits of what a message holds.
const (
	maxText        = 1 << 10  // of an error or a reason, in bytes
	maxDescription = 16 << 10 // of what a load is
	helloText      = "flushbench plug"
)

// encoder appends the fields of a message.
type encoder []byte

func (e *encoder) u16(v uint16)     { *e = binary.LittleEndian.AppendUint16(*e, v) }
func (e *encoder) u32(v uint32)     { *e = binary.LittleEndian.AppendUint32(*e, v) }
func (e *encoder) u64(v uint64)     { *e = binary.LittleEndian.AppendUint64(*e, v) }
func (e *encoder) i64(v int64)      { e.u64(uint64(v)) }
func (e *encoder) id(id ID)         { *e = append(*e, id[:]...) }
func (e *encoder) time(t time.Time) { e.i64(t.UnixNano()) }

// text appends a text, cut to limit bytes.
func (e *encoder) text(s string, limit int) {
	s = s[:min(len(s), limit)]
	e.u32(uint32(len(s)))
	*e = append(*e, s...)
}

// decoder takes the fields of a message. After the first one that is not there, all
// are zero and bad stays set.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || n > len(d.b) {
		d.bad = true
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) u16() uint16 {
	if b := d.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) i64() int64      { return int64(d.u64()) }
func (d *decoder) time() time.Time { return time.Unix(0, d.i64()) }

func (d *decoder) id() (id ID) {
	copy(id[:], d.take(len(id)))
	return id
}

func (d *decoder) text(limit int) string {
	n := d.u32()
	if n > uint32(limit) {
		d.bad = true
		return ""
	}
	return string(d.take(int(n)))
}

// done returns an error unless the message was whole and nothing is left of it.
func (d *decoder) done(what string) error {
	if d.bad || len(d.b) > 0 {
		return fmt.Errorf("%w: a %s that is damaged", errFrame, what)
	}
	return nil
}

// opening is the content of kindOpen.
type opening struct {
	id          ID
	name        string
	description []byte // the load's, for Verify; the witness only keeps it
}

func (o *opening) encode() []byte {
	var e encoder
	e.id(o.id)
	e.text(o.name, maxText)
	e.text(string(o.description), maxDescription)
	return e
}

func decodeOpening(b []byte) (o opening, err error) {
	d := decoder{b: b}
	o.id, o.name = d.id(), d.text(maxText)
	o.description = []byte(d.text(maxDescription))
	if err := d.done("run"); err != nil {
		return o, err
	}
	return o, CheckName(o.name)
}

// summary is the content of kindRun.
type summary struct {
	opening
	opened time.Time
	heard  time.Time // the last report, by the witness's clock; opened: none yet
	ended  string    // why the load ended by itself; "": it did not
	count  uint32    // reports that follow
}

func (s *summary) encode() []byte {
	var e encoder
	e.text(string(s.opening.encode()), MaxFrame)
	e.time(s.opened)
	e.time(s.heard)
	e.text(s.ended, maxText)
	e.u32(s.count)
	return e
}

func decodeSummary(b []byte) (s summary, err error) {
	d := decoder{b: b}
	if s.opening, err = decodeOpening([]byte(d.text(MaxFrame))); err != nil {
		return s, err
	}
	s.opened, s.heard, s.ended, s.count = d.time(), d.time(), d.text(maxText), d.u32()
	return s, d.done("summary")
}
