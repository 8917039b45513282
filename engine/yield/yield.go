// Package yield marks the places in concurrent code where the order of two
// goroutines matters, so that a test can drive them into each other there.
//
// In a normal build Point is an empty function that the compiler drops. With
// the build tag yieldpoints, or under the race detector, Shuffle makes each
// Point give up the processor as a seed says: a few times, not at all, or, at
// one place of the run, for long. The same seed makes the same decisions in the same
// order of arrival; which goroutine arrives first is still the scheduler's.
//
// Points decide nothing: code must be right without them and with any delay
// at any of them.
package yield

// Place is where a Point stands.
type Place uint8

// The places, in the order of a commit's life.
const (
	// The log buffer.
	ReserveCopy  Place = iota // space reserved, record not copied
	CopyPublish               // record copied, word not stored
	AdvanceStep               // between two records that become ready
	AdvanceStore              // before the new ready is stored
	PadPublish                // pad reserved and filled, not published
	RunClosed                 // run closed, its pad not filled

	// The log.
	WritePublish   // write returned, written not stored
	WrittenFlushed // written stored, flushed or limit not yet
	SnapshotFlush  // written read, flush not begun
	FlushPublish   // flush returned, flushed not stored
	SlotPublish    // checkpoint slot flushed, limit of the circle not stored

	// Group commit.
	BeforePush  // head of the stack read, waiter not pushed
	PushKick    // waiter pushed, goroutine not woken
	BeforeIdle  // no work found, idle not stored
	IdleRecheck // idle stored, work not looked for again
	TryLock     // before the try for a right
	GotLock     // right taken by a try
	SpaceWait   // in the wait for log-buffer space
	Split       // between two waiters of a list that is split
	Wake        // before a waiter is completed
	Relay       // woken, the rest of the chain not yet
	GroupCut    // group cut, not written

	// The stages.
	StageEnroll   // before a transaction enters the FLUSH stage
	StageDetached // a stage's queue detached

	// Whoever looks at both logs.
	MarksRead // the positions of one log read, those of the other not

	// The checkpointer.
	Candidate  // before the sequences are copied
	AreaSlot   // side area flushed, slot not written
	Checkpoint // checkpoint made, its space not yet accounted for

	places int = iota //nolint:unused // yield_on.go, with the build tags, uses it
)
