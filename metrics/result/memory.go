package result

import "errors"

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
