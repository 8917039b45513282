package result

// CrashTrial is one crash and what recovery brought back.
type CrashTrial struct {
	Kind          string       `json:"kind"`    // process, os, power
	Control       bool         `json:"control"` // a trial that must lose something
	Moment        Moment       `json:"moment"`
	Filesystem    string       `json:"filesystem"`
	Policy        string       `json:"policy"`
	SyncBinlog    *int         `json:"sync_binlog"`
	FlushMethod   string       `json:"flush_method"`
	Acked         int64        `json:"acked"`
	Recovered     int64        `json:"recovered"`
	Lost          int64        `json:"lost"`
	EngineAhead   int64        `json:"engine_ahead"`
	BinlogAhead   int64        `json:"binlog_ahead"`
	LostAgeNS     int64        `json:"lost_age_ns"` // of the oldest lost commit
	AtRiskAtCrash *RiskAtCrash `json:"at_risk_at_crash"`
	Verdict       string       `json:"verdict"`
	Seed          uint64       `json:"seed"`
}

// Moment is when the crash struck.
type Moment struct {
	Frozen bool  `json:"frozen"` // clients were held still, so that at risk is exact
	AtNS   int64 `json:"at_ns"`  // since the begin of the trial
}

// RiskAtCrash is what the tracker said at that moment.
type RiskAtCrash struct {
	Commits int64 `json:"commits"`
	AgeNS   int64 `json:"age_ns"`
}
