package result

// LimitSummary is the limit of the disk: one thread that writes one record and
// flushes it, over and over, in the same files and the same rounds as the cells.
type LimitSummary struct {
	FlushMethod  string       `json:"flush_method"`
	RecordBytes  int64        `json:"record_bytes"`
	AddedFlushNS int64        `json:"added_flush_ns"` // latency that the wrapper adds, as in the cells
	FlushPerS    Interval     `json:"flush_per_s"`
	FlushNSP50   *Interval    `json:"flush_ns_p50"`
	BusyShare    *Interval    `json:"busy_share"`
	Spread       float64      `json:"spread"` // (hi - lo) / median of FlushPerS: below it, a difference is noise
	Rounds       []LimitRound `json:"rounds"`
}

// LimitRound is one run of the limit loop.
type LimitRound struct {
	Round     int     `json:"round"`
	FlushPerS float64 `json:"flush_per_s"` // rounds of write + flush per second
	DurationS float64 `json:"duration_s"`
	FlushNS   Latency `json:"flush_ns"`   // the flush call alone (the write itself for write-through methods)
	BusyShare float64 `json:"busy_share"` // share of the time inside the flush call
	Histogram string  `json:"histogram"`  // of FlushNS
	Partial   bool    `json:"partial"`
}
