package metrics

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// ErrHistogram is returned (wrapped) when text is no histogram of ours.
var ErrHistogram = errors.New("not a histogram")

// maxEncoded bounds what Decode looks at, in bytes. A histogram of ours holds
// 28 thousand counts of at most 9 bytes each before compression.
const maxEncoded = 512 << 10

// Encode returns the samples in range as HDR V2, compressed, in base64: the
// form of an HDR histogram log. The counts out of range and the exact
// extremes are not part of it.
func (h *Histogram) Encode() (string, error) {
	b, err := h.hdr.EncodeV2()
	if err != nil {
		return "", fmt.Errorf("metrics: encode histogram: %w", err)
	}
	return string(b), nil
}

// Decode reads what Encode wrote. The histogram holds the samples that were
// in range; its sum, minimum and maximum are known to 3 digits only. Text of
// any other origin or geometry is refused with ErrHistogram.
func Decode(text string) (*Histogram, error) {
	if err := checkGeometry(text); err != nil {
		return nil, fmt.Errorf("metrics: decode histogram: %w: %w", ErrHistogram, err)
	}
	d, err := hdr.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("metrics: decode histogram: %w: %w", ErrHistogram, err)
	}
	h := &Histogram{hdr: hdr.New(unit, Highest, Digits)}
	h.Reset()
	if dropped := h.hdr.Merge(d); dropped > 0 {
		return nil, fmt.Errorf("metrics: decode histogram: %w: %d samples out of range", ErrHistogram, dropped)
	}
	if h.count = h.hdr.TotalCount(); h.count > 0 {
		h.min, h.max = h.hdr.Min(), h.hdr.Max()
		h.sum = int64(h.hdr.Mean() * float64(h.count))
	}
	return h, nil
}

// checkGeometry refuses text whose header names another range or resolution,
// before anything is allocated for it: a hostile header could ask for 50 MB.
func checkGeometry(text string) error {
	if len(text) > maxEncoded {
		return fmt.Errorf("%d bytes long, at most %d are legal", len(text), maxEncoded)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	const outer = 8 // cookie and length, before the zlib stream
	if len(raw) < outer {
		return fmt.Errorf("%d bytes, too short for a header", len(raw))
	}
	z, err := zlib.NewReader(bytes.NewReader(raw[outer:]))
	if err != nil {
		return err
	}
	var header struct {
		Cookie, PayloadBytes, Offset, Digits int32
		Lowest, Highest                      int64
	}
	if err := binary.Read(z, binary.BigEndian, &header); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if header.Digits != Digits || header.Lowest != unit || header.Highest != Highest {
		return fmt.Errorf("range %d to %d at %d digits, want %d to %d at %d",
			header.Lowest, header.Highest, header.Digits, unit, Highest, Digits)
	}
	return nil
}

// WriteHGRM writes the percentile distribution (.hgrm) in microseconds.
func (h *Histogram) WriteHGRM(w io.Writer) error {
	const ticksPerHalf, nsPerUS = 5, 1000
	if _, err := h.hdr.PercentilesPrint(w, ticksPerHalf, nsPerUS); err != nil {
		return fmt.Errorf("metrics: write hgrm: %w", err)
	}
	return nil
}

// HLogEntry is one interval of an HDR histogram log.
type HLogEntry struct {
	Tag        string // no commas, spaces or line breaks are kept
	Start, End time.Time
	Histogram  *Histogram
}

// WriteHLog writes an HDR histogram log (.hlog, format 1.3): a header and one
// line an entry, values in nanoseconds, maximum in milliseconds.
func WriteHLog(w io.Writer, comment string, start time.Time, entries []HLogEntry) error {
	lw := hdr.NewHistogramLogWriter(w)
	steps := []func() error{
		func() error { return lw.OutputComment(comment) },
		lw.OutputLogFormatVersion,
		func() error { return lw.OutputStartTime(start.UnixMilli()) },
		lw.OutputLegend,
	}
	for _, e := range entries {
		steps = append(steps, func() error {
			c := e.Histogram.hdr.Clone()
			c.SetTag(hlogTag(e.Tag))
			c.SetStartTimeMs(e.Start.UnixMilli())
			c.SetEndTimeMs(e.End.UnixMilli())
			return lw.OutputIntervalHistogram(c)
		})
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("metrics: write hlog: %w", err)
		}
	}
	return nil
}

// hlogTag replaces what a tag of an HDR log must not hold.
func hlogTag(s string) string {
	return strings.NewReplacer(",", ";", " ", "_", "\n", "_", "\r", "_").Replace(s)
}
