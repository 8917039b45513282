package result

// What a sweep goes over: what Sweep.Over may say.
const (
	SweepOverRate    = "rate"    // commits a second of a paced load
	SweepOverClients = "clients" // of a closed loop
)

// Why a point of a sweep does not hold: what SweepPoint.Miss and SweepKnee.Miss may
// say; "": it holds.
const (
	MissSaturated = "saturated" // fewer commits than asked for, a growing backlog
	MissP99       = "p99"       // over the objective
	MissP999      = "p999"      //
	MissMean      = "mean"      //
	MissPlateau   = "plateau"   // over clients, without an objective: more of them carry no more
)

// How the search for a knee ended: what SweepKnee.Ended may say.
const (
	SweepClear       = "clear"       // both ends of the interval are shown
	SweepUnclear     = "unclear"     // the rounds allowed for a search were used up first
	SweepBudget      = "budget"      // the time budget was used up first
	SweepInterrupted = "interrupted" //
	SweepDisturbed   = "disturbed"   // either was, and the hypervisor left too few rounds alone to show both ends
	SweepFailed      = "failed"      // a round could not be measured, e.g. for want of bytes to write
)

// Sweep is the search for the knee of each pair of policies: the most load that
// meets an objective. Its rounds stand in the cells, one cell a point.
type Sweep struct {
	Over      string         `json:"over"` // rate, clients
	Objective SweepObjective `json:"objective"`
	Step      float64        `json:"step"`      // ratio of two neighbouring points
	BudgetNS  int64          `json:"budget_ns"` // time allowed for
	SpentNS   int64          `json:"spent_ns"`  //
	// RoundsLeft says for each turn, the first one first, how many more rounds the time
	// allowed for when it was chosen what to measure in it. With the rounds of the cells
	// that is all that a choice depends on, so a resumed sweep can make it again.
	RoundsLeft []int       `json:"rounds_left"`
	Pairs      []SweepPair `json:"pairs"`
}

// SweepObjective is what a point must hold, beside being carried at all; 0: no limit.
type SweepObjective struct {
	P99NS  int64 `json:"p99_ns"`
	P999NS int64 `json:"p999_ns"`
	MeanNS int64 `json:"mean_ns"`
}

// SweepPair is one pair of policies with everything else that sets it apart.
type SweepPair struct {
	Name       string       `json:"name"`
	Policy     string       `json:"policy"`
	SyncBinlog *int         `json:"sync_binlog"` // null: no binlog
	Durability Durability   `json:"durability"`  //
	Knee       SweepKnee    `json:"knee"`
	Points     []SweepPoint `json:"points"` // what was measured, the least load first
}

// SweepKnee is the interval in which the knee lies: the load of Lo holds, that of
// Hi does not. It is an interval and not a point because that is all that rounds can
// show.
type SweepKnee struct {
	Lo      float64 `json:"lo"`       // commits/s or clients; 0: nothing that was tried holds
	Hi      float64 `json:"hi"`       // 0: all that was tried holds
	LoShown bool    `json:"lo_shown"` // by all rounds together; else by fewer of them
	HiShown bool    `json:"hi_shown"` //
	// The same interval in times the limit loop beside it; 0: that end was not met, or no
	// limit loop ran. A disk that is slower from one hour to the next leaves it as it was.
	LoTimes float64  `json:"lo_times"`
	HiTimes float64  `json:"hi_times"`
	Limit   Interval `json:"limit"` // flushes/s of the limit loop beside the rounds
	Miss    string   `json:"miss"`  // why Hi does not hold; "" without one
	// What bounded the cell at Hi, or at Lo without one.
	Bound     string `json:"bound"`
	BoundText string `json:"bound_text"`
	// At Lo, medians over its rounds; null where the rounds show none.
	Achieved float64  `json:"achieved"` // commits/s
	P99NS    *float64 `json:"p99_ns"`
	P999NS   *float64 `json:"p999_ns"`
	MeanNS   *float64 `json:"mean_ns"`
	// Settled says whether the rounds at Lo reached SNIA's steady state: commits/s
	// and the time of a flush in a window of 5 rounds.
	Settled   bool    `json:"settled"`
	Excursion float64 `json:"excursion"` // the larger one of the two, of the mean
	Slope     float64 `json:"slope"`     //
	Rounds    int     `json:"rounds"`    // of the whole search
	// Disturbed is how many of them decided nothing because the hypervisor took too much of
	// the processors' time, and StealPercent how much it took in all of them, 0 to 100.
	Disturbed    int     `json:"disturbed,omitempty"`
	StealPercent float64 `json:"steal_percent,omitempty"`
	Ended        string  `json:"ended"` // clear, unclear, budget, disturbed, interrupted, failed
}

// SweepPoint is one load that was measured.
type SweepPoint struct {
	Value float64 `json:"value"` // commits/s or clients
	Cell  string  `json:"cell"`  // Cell.Name
	Held  int     `json:"held"`  // rounds that met the objective
	Tried int     `json:"tried"` // rounds
	// Disturbed is how many of these decided nothing.
	Disturbed int    `json:"disturbed,omitempty"`
	Miss      string `json:"miss"` // why most of the others did not; ""
}
