package result

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"flushbench/metrics"
)

// The types below are the part of fio's JSON output (fio(1), "JSON OUTPUT")
// that programs which read it look at. Times are nanoseconds where the name
// says so, else milliseconds; bw is KiB/s.

type fioOutput struct {
	Version   string   `json:"fio version"` // names flushbench: readers that need a true fio can tell
	Timestamp int64    `json:"timestamp"`   // seconds since 1970
	Time      string   `json:"time"`
	Jobs      []fioJob `json:"jobs"`
}

type fioJob struct {
	Name    string            `json:"jobname"`
	GroupID int               `json:"groupid"`
	Error   int               `json:"error"`
	Runtime int64             `json:"job_runtime"` // ms
	Options map[string]string `json:"job options"`
	Read    fioDirection      `json:"read"`
	Write   fioDirection      `json:"write"`
	Sync    fioSync           `json:"sync"`
}

// fioDirection is what a job did in one direction.
type fioDirection struct {
	IOBytes  int64      `json:"io_bytes"`
	IOKBytes int64      `json:"io_kbytes"`
	BWBytes  int64      `json:"bw_bytes"` // a second
	BW       int64      `json:"bw"`       // KiB/s
	IOPS     float64    `json:"iops"`
	Runtime  int64      `json:"runtime"` // ms
	TotalIOs int64      `json:"total_ios"`
	ClatNS   fioLatency `json:"clat_ns"`
	LatNS    fioLatency `json:"lat_ns"`
}

// fioSync is what the flush calls took: of each flush, not of each write.
type fioSync struct {
	LatNS    fioLatency `json:"lat_ns"`
	TotalIOs int64      `json:"total_ios"`
}

type fioLatency struct {
	Min        int64            `json:"min"`
	Max        int64            `json:"max"`
	Mean       float64          `json:"mean"`
	StdDev     float64          `json:"stddev"`
	N          int64            `json:"N"`
	Percentile map[string]int64 `json:"percentile,omitempty"`
}

// fioPercentiles are those that fio prints unless told otherwise.
var fioPercentiles = []float64{1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99}

// WriteFio writes the rows of a probe in the shape of fio --output-format=json,
// for programs that read that. What fio cannot do (doublewrite) is left out.
// Where a flush is a call of its own, write holds the write alone and sync the
// flush, as fio has it; elsewhere write holds all. As the histograms keep three
// digits, so do minimum, maximum and mean.
func WriteFio(w io.Writer, r *Result) error {
	if r.Probe == nil {
		return fmt.Errorf("result: write %s: a result of kind %s: must be a probe", FioFileName, r.Kind)
	}
	out := fioOutput{
		Version: "flushbench " + r.ToolVersion, Timestamp: r.Started.Unix(), Time: r.Started.UTC().Format("Mon Jan _2 15:04:05 2006"), Jobs: []fioJob{},
	}
	for i := range r.Probe.Rows {
		job, err := fioRow(&r.Probe.Rows[i])
		if err != nil {
			return err
		}
		out.Jobs = append(out.Jobs, job)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("result: write %s: %w", FioFileName, err)
	}
	return nil
}

// fioRow is one row as a job.
func fioRow(row *ProbeRow) (fioJob, error) {
	name := fmt.Sprintf("%s-%s-%d", row.Method, row.Op, row.SizeBytes)
	fail := func(err error) (fioJob, error) { return fioJob{}, fmt.Errorf("result: probe, %s: %w", name, err) }
	runtime := int64(row.DurationS * 1000)
	job := fioJob{
		Name: name, Runtime: runtime,
		Options: map[string]string{"rw": "write", "bs": strconv.FormatInt(row.SizeBytes, 10), "iodepth": "1", "numjobs": "1"},
		Write: fioDirection{
			IOBytes: row.Count * row.SizeBytes, IOKBytes: row.Count * row.SizeBytes >> 10, TotalIOs: row.Count, Runtime: runtime,
			IOPS: row.RatePerS, BWBytes: int64(row.RatePerS * float64(row.SizeBytes)), BW: int64(row.RatePerS*float64(row.SizeBytes)) >> 10,
		},
	}
	for option, value := range fioOptions(row) {
		job.Options[option] = value
	}
	write := row.Histogram
	if row.FlushHistogram != "" {
		write = row.WriteHistogram
		flush, err := fioLatencyOf(row.FlushHistogram)
		if err != nil {
			return fail(err)
		}
		job.Sync = fioSync{LatNS: flush, TotalIOs: row.Count}
	}
	latency, err := fioLatencyOf(write)
	if err != nil {
		return fail(err)
	}
	job.Write.ClatNS, job.Write.LatNS = latency, latency
	return job, nil
}

// fioOptions are the options of fio that do what the row did. It has none for
// RWF_DSYNC.
func fioOptions(row *ProbeRow) map[string]string {
	all := map[string]string{}
	if row.Direct {
		all["direct"] = "1"
	}
	switch row.Method {
	case "fdatasync", "o_direct+fdatasync":
		all["fdatasync"] = "1"
	case "fsync":
		all["fsync"] = "1"
	case "o_sync":
		all["sync"] = "sync"
	case "o_dsync", "o_direct+o_dsync":
		all["sync"] = "dsync"
	}
	if row.Op == OpAppend {
		all["file_append"] = "1"
	} else {
		all["overwrite"] = "1"
	}
	return all
}

// fioLatencyOf shows a histogram as fio shows its own: also percentiles with few
// samples above them.
func fioLatencyOf(text string) (fioLatency, error) {
	if text == "" {
		return fioLatency{}, nil
	}
	h, err := metrics.Decode(text)
	if err != nil || h.Count() == 0 {
		return fioLatency{}, err
	}
	l := fioLatency{Min: h.Min(), Max: h.Max(), Mean: h.Mean(), StdDev: h.StdDev(), N: h.Count(), Percentile: map[string]int64{}}
	for _, p := range fioPercentiles {
		if ns, ok := h.Quantile(p / 100); ok {
			l.Percentile[strconv.FormatFloat(p, 'f', 6, 64)] = ns
		}
	}
	return l, nil
}
