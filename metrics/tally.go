package metrics

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Exact is what stands beside the text of a histogram, because Encode leaves it
// out: the counts out of range and the exact extremes.
type Exact struct {
	Below, Above int64 // samples out of range
	Min, Max     int64 // nanoseconds, of all samples; Min UnknownMin: that of the text, to 3 digits
	Mean         int64 // nanoseconds, rounded
	// StoodFor are those of all samples that were not timed (see Histogram.Timed).
	StoodFor int64
	// Count is that of all samples where Below and Above were not kept, else 0: what
	// the text lacks of it is above the range, or below where Min is and Max is not.
	Count int64
}

// UnknownMin as Exact.Min says that the least sample was not kept.
const UnknownMin int64 = math.MinInt64

// outside returns the counts out of range beside inRange samples.
func (e Exact) outside(inRange int64) (below, above int64) {
	below, above = max(e.Below, 0), max(e.Above, 0)
	switch missing := e.Count - inRange - below - above; {
	case missing <= 0:
	case e.Min < Lowest && e.Max <= Highest:
		below += missing
	default:
		above += missing
	}
	return below, above
}

// Tally adds up encoded histograms without making one of each: ten times as fast as
// Decode and Merge, which are its judge in the tests. With the exact figures given it
// loses nothing: every percentile of the sum is that of the samples recorded in one
// histogram, to the nanosecond; only its mean may be off by half a nanosecond.
//
// The zero Tally is empty. One goroutine at a time may use it.
type Tally struct {
	counts []int64
	used   [2]int // counts[used[0]:used[1]] holds all that is not 0
	exact  Histogram

	text    bytes.Reader
	raw     []byte
	payload []byte
	filled  []bucket
	inflate io.ReadCloser
}

// The layout of HDR V2: a cookie and the length of the zlib stream, which holds a
// header and the counts.
const (
	hdrCookie = 0x1c849303 | 0x10 // of the counts as varints
	hdrOuter  = 8
	hdrHeader = 40
	// hdrOuterCookie is that of the zlib stream, without the bits that say how wide a
	// count is.
	hdrOuterCookie = 0x1c849304
)

// buckets is how many counts a histogram of ours has.
var buckets = sync.OnceValue(func() int { return len(hdr.New(unit, Highest, Digits).Export().Counts) })

var errTruncated = errors.New("it ends in the middle of a count")

// Add adds the samples that text, which Encode wrote, and e stand for. An empty text
// has none in range. On an error, which wraps ErrHistogram, t is unchanged.
func (t *Tally) Add(text string, e Exact) error {
	n := int64(0)
	if text != "" {
		var err error
		if n, err = t.add(text); err != nil {
			return fmt.Errorf("metrics: add histogram: %w: %w", ErrHistogram, err)
		}
	}
	below, above := e.outside(n)
	if n += below + above; n > 0 {
		stoodFor := min(max(e.StoodFor, 0), n)
		t.exact.join(&Histogram{below: below, above: above, count: n, sum: e.Mean * n, min: e.Min, max: e.Max, stoodFor: stoodFor})
	}
	return nil
}

// AddTally adds the samples of from.
func (t *Tally) AddTally(from *Tally) {
	if from.exact.count == 0 {
		return
	}
	t.grow(from.used)
	for i := from.used[0]; i < from.used[1]; i++ {
		t.counts[i] += from.counts[i]
	}
	t.exact.join(&from.exact)
}

// Reset forgets every sample, and keeps the memory.
func (t *Tally) Reset() {
	clear(t.counts[t.used[0]:t.used[1]])
	t.used, t.exact = [2]int{}, Histogram{}
}

// Histogram returns the sum as a histogram of its own.
func (t *Tally) Histogram() *Histogram {
	if t.exact.count == 0 {
		return NewSpanHistogram()
	}
	h := t.exact
	h.hdr = hdr.Import(&hdr.Snapshot{LowestTrackableValue: unit, HighestTrackableValue: Highest, SignificantFigures: Digits, Counts: t.counts})
	if h.min == UnknownMin {
		h.min = h.hdr.Min()
	}
	return &h
}

// join adds everything but the buckets.
func (h *Histogram) join(from *Histogram) {
	if h.count == 0 {
		h.min, h.max = math.MaxInt64, math.MinInt64
	}
	h.below += from.below
	h.above += from.above
	h.count += from.count
	h.sum += from.sum
	h.stoodFor += from.stoodFor
	h.min, h.max = min(h.min, from.min), max(h.max, from.max)
}

// grow makes room for buckets and widens what is used.
func (t *Tally) grow(used [2]int) {
	if t.counts == nil {
		t.counts = make([]int64, buckets())
	}
	switch {
	case used[0] == used[1]:
	case t.used[0] == t.used[1]:
		t.used = used
	default:
		t.used = [2]int{min(t.used[0], used[0]), max(t.used[1], used[1])}
	}
}

// add adds the buckets and returns how many samples they hold.
func (t *Tally) add(text string) (samples int64, err error) {
	t.grow([2]int{})
	if err := t.inflateText(text); err != nil {
		return 0, err
	}
	// First whether all of it can be read, then add it.
	most := math.MaxInt64/2 - t.exact.count
	if t.filled, samples, err = filled(t.payload, len(t.counts), most, t.filled[:0]); err != nil || samples == 0 {
		return 0, err
	}
	t.grow([2]int{t.filled[0].at, t.filled[len(t.filled)-1].at + 1})
	for _, b := range t.filled {
		t.counts[b.at] += b.n
	}
	return samples, nil
}

// inflateText puts the counts of text into t.payload.
func (t *Tally) inflateText(text string) error {
	if len(text) > maxEncoded {
		return fmt.Errorf("%d bytes long, at most %d are legal", len(text), maxEncoded)
	}
	raw, err := base64.StdEncoding.AppendDecode(t.raw[:0], []byte(text))
	if err != nil {
		return err
	}
	t.raw = raw
	if len(raw) < hdrOuter {
		return fmt.Errorf("%d bytes, too short for a header", len(raw))
	}
	if cookie := binary.BigEndian.Uint32(raw); cookie&^0xf0 != hdrOuterCookie {
		return fmt.Errorf("cookie %#x: of no compressed histogram of version 2", cookie)
	}
	length := binary.BigEndian.Uint32(raw[4:])
	if uint64(length) > uint64(len(raw)-hdrOuter) {
		return fmt.Errorf("cut off: %d bytes after the header, want %d", len(raw)-hdrOuter, length)
	}
	t.text.Reset(raw[hdrOuter:][:length])
	if resetter, ok := t.inflate.(zlib.Resetter); ok {
		err = resetter.Reset(&t.text, nil)
	} else {
		t.inflate, err = zlib.NewReader(&t.text)
	}
	if err != nil {
		return err
	}
	var header [hdrHeader]byte
	if _, err := io.ReadFull(t.inflate, header[:]); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	u32, u64 := binary.BigEndian.Uint32, binary.BigEndian.Uint64
	if u32(header[:]) != hdrCookie || u32(header[12:]) != Digits || u64(header[16:]) != unit || u64(header[24:]) != uint64(Highest) {
		return errors.New("another range, resolution or format than ours")
	}
	counts := int(u32(header[4:]))
	if counts > 9*len(t.counts) {
		return fmt.Errorf("%d bytes of counts, at most %d are legal", counts, 9*len(t.counts))
	}
	if cap(t.payload) <= counts {
		t.payload = make([]byte, counts+1)
	}
	t.payload = t.payload[:counts+1]
	// One byte more than there is makes the reader verify its checksum.
	n, err := io.ReadFull(t.inflate, t.payload)
	if n != counts || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%d bytes of counts, want %d: %w", n, counts, cmpErr(err))
	}
	t.payload = t.payload[:counts]
	return nil
}

// cmpErr names what a nil error stands for here: more bytes than were announced.
func cmpErr(err error) error {
	if err == nil {
		return errors.New("more follow")
	}
	return err
}

// bucket is one that is not empty.
type bucket struct {
	at int
	n  int64
}

// filled reads zigzag varints: a count of a bucket, or, below 0, so many empty buckets.
// It appends the buckets that are not empty to out, and returns how many samples they
// hold: no more than most.
func filled(payload []byte, buckets int, most int64, out []bucket) (_ []bucket, samples int64, err error) {
	at := 0
	for len(payload) > 0 {
		n, size := int64(payload[0]>>1)^-int64(payload[0]&1), 1
		if payload[0] >= 0x80 {
			if n, size = zigzag(payload); size == 0 {
				return out, 0, errTruncated
			}
		}
		payload = payload[size:]
		switch {
		case n < 0 && (n == math.MinInt64 || -n > int64(buckets-at)), n >= 0 && at >= buckets:
			return out, 0, fmt.Errorf("more than %d buckets", buckets)
		case n < 0:
			at += int(-n)
			continue
		case n > 0:
			if samples += n; samples < 0 || samples > most {
				return out, 0, errors.New("more samples than can be counted")
			}
			out = append(out, bucket{at, n})
		}
		at++
	}
	return out, samples, nil
}

// zigzag reads one number and says how many bytes it took: 0 when they do not suffice.
// Unlike a varint of encoding/binary the ninth byte, the last, has eight bits.
func zigzag(b []byte) (n int64, size int) {
	var u uint64
	for i := 0; i < len(b); i++ {
		if i == 8 {
			u |= uint64(b[i]) << 56
			return int64(u>>1) ^ -int64(u&1), 9
		}
		u |= uint64(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
	}
	return 0, 0
}
