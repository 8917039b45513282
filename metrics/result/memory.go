package result

import (
	"errors"
	"iter"
)

// Memory is the resident set of the process that ran the clients and the engine, in
// bytes: that of /proc/self/statm, read once a bucket. What of it was asked for
// stands in Params: the log buffer, which is touched as a whole before the load, and
// the buffer pool, which is touched page by page.
type Memory struct {
	ResidentBegin int64   `json:"resident_begin"` // at the begin of the interval
	ResidentEnd   int64   `json:"resident_end"`   // at its end: the last of Resident
	ResidentMax   int64   `json:"resident_max"`   // the largest of ResidentBegin and Resident; what comes and goes between two is not seen
	IntervalNS    int64   `json:"interval_ns"`    // length of a bucket: that of Series
	Resident      []int64 `json:"resident"`       // by bucket, read at its end; null in a merge
}

// Readings yields each reading, in bytes, and when it was taken, in nanoseconds of an
// interval of that length: that of its begin first.
func (m *Memory) Readings(lengthNS int64) iter.Seq2[int64, int64] {
	return func(yield func(tNS, bytes int64) bool) {
		if !yield(0, m.ResidentBegin) {
			return
		}
		for k, bytes := range m.Resident {
			if !yield(min(int64(k+1)*m.IntervalNS, lengthNS), bytes) {
				return
			}
		}
	}
}

func (m *Memory) validate() error {
	if m != nil && (m.ResidentBegin < 0 || m.ResidentEnd < 0 || m.ResidentMax < 0 || m.IntervalNS < 0) {
		return errors.New("memory: no figure may be negative")
	}
	return nil
}

// withoutSeries is a copy without what lies over time; nil stays.
func (m *Memory) withoutSeries() *Memory {
	if m == nil {
		return nil
	}
	c := *m
	c.Resident = nil
	return &c
}
