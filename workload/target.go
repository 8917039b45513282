package workload

import (
	"errors"

	"flushbench/engine/lsn"
)

// What Session.Run returns, wrapped, for a transaction that was rolled back
// though nobody asked for it. The session is as good as before: the client may
// run the same transaction again, as sysbench does by default.
var (
	// ErrDeadlock: it was the victim of a deadlock (error 1213 of a server).
	ErrDeadlock = errors.New("deadlock")
	// ErrLockWaitTimeout: it waited too long for a row lock (error 1205).
	ErrLockWaitTimeout = errors.New("lock wait timeout")
)

// Retryable reports whether err says that the same transaction may be run
// again.
func Retryable(err error) bool {
	return errors.Is(err, ErrDeadlock) || errors.Is(err, ErrLockWaitTimeout)
}

// Target gets the transactions: the embedded engine or an SQL server.
type Target interface {
	// Connect opens the session of a client. Two sessions of one client must
	// not exist at the same time. Safe for concurrent use.
	Connect(client uint32) (Session, error)
	// Overhead tells how the target turns bodies into bytes of log.
	Overhead() Overhead
	// Close ends the target. REQUIRES: every session is closed. Safe to call
	// twice.
	Close() error
}

// Session is one client's connection, used by one goroutine at a time.
type Session interface {
	// Run executes t and returns when its commit is acknowledged, or its
	// rollback done if t.Rollback asks for one. t and what it holds belong to
	// the caller again when Run returns. An error that is Retryable leaves
	// nothing of t behind. Every other error is final: nothing is
	// acknowledged on this session any more.
	Run(t *Txn) error
	// Seq is the sequence of the client's last commit, 0 before the first: at
	// Connect what the target has kept from earlier, then one more with each
	// commit that Run has started. Rollbacks that were asked for count as
	// commits here, so that Seq is the n of a Generator's next transaction.
	Seq() uint64
	// LastEnd is the end LSN of the last commit that wrote; 0: unknown.
	LastEnd() lsn.LSN
	Close() error
}

// Sizer is what a Target also implements if it can tell how much a transaction
// of a Generator makes it write.
type Sizer interface {
	// TxnBytes is the most bytes of log, both logs if there are two, that t
	// takes. Safe for concurrent use.
	TxnBytes(t *Txn) int
}

// Sampler is what a Session also implements if it can tell the stages of a
// commit apart.
type Sampler interface {
	// SampleNext asks for the stages of the next commit.
	SampleNext()
	// Stages returns, once, the stages of the commit that SampleNext had
	// asked for; ok is false if there was none or it failed.
	Stages() (st Stages, ok bool)
}

// Pipeliner is what a Target also implements if commits need not wait.
type Pipeliner interface {
	// NewPipeline opens the sessions of many logical clients for one worker.
	// Memory per client is small and no client has a goroutine.
	NewPipeline(clients []uint32) (Pipeline, error)
}

// Pipeline drives many logical clients from one goroutine. A client is named
// by its index i in the list that NewPipeline was given, and has at most one
// commit under way.
type Pipeline interface {
	// Submit starts t for client i and returns without waiting for the
	// acknowledgement; it may block while the target is out of log buffer.
	// t belongs to the caller again when Submit returns. After an error the
	// commit is not under way.
	Submit(i int, t *Txn) error
	// Poll moves what has completed to buf and returns how many it was, 0 to
	// len(buf); it never blocks.
	Poll(buf []Done) int
	// Wait is Poll that blocks until there is at least one.
	// REQUIRES: a commit is under way.
	Wait(buf []Done) int
	// WaitOr is Wait that also returns, possibly with 0, when there is a token
	// in kick, which it takes. There need not be a commit under way.
	WaitOr(buf []Done, kick <-chan struct{}) int
	// Seq is Session.Seq for client i.
	Seq(i int) uint64
	Close() error
}

// PipelineSampler is what a Pipeline also implements if it can tell the
// stages of a commit apart.
type PipelineSampler interface {
	// SampleNext asks for the stages of client i's next commit.
	SampleNext(i int)
	// Stages is Sampler.Stages for client i, between the delivery of its
	// commit and its next Submit.
	Stages(i int) (st Stages, ok bool)
}

// Done is one commit that a Pipeline has completed.
type Done struct {
	Client int     // index
	End    lsn.LSN // 0: unknown
	Err    error   // nil: acknowledged
}

// NoStage marks a stage that a commit did not pass.
const NoStage = int64(-1)

// Stages holds the nanoseconds that one commit spent in each stage, or NoStage.
type Stages struct {
	Execute int64 // the statements, lock waits among them
	Buffer  int64 // waiting for space in the log buffer, and the copy
	Group   int64 // waiting for its group's turn
	Write   int64 // the write call
	Flush   int64 // the flush call
	// With a binlog.
	Prepare     int64 // PREPARE as safe as the policy asks
	BinlogWrite int64 // the binlog's write call
	BinlogFlush int64 // the SYNC stage: its queue, its delay, the binlog's flush
	Engine      int64 // the COMMIT stage: its queue, the commit in the engine
	Wakeup      int64 // from the end of the last of these until the client runs
}

// NoStages has passed none.
func NoStages() Stages {
	return Stages{NoStage, NoStage, NoStage, NoStage, NoStage, NoStage, NoStage, NoStage, NoStage, NoStage}
}

// Overhead is how a target turns a body into bytes of log: Header more bytes,
// rounded up to a multiple of Align (0 counts as 1).
type Overhead struct {
	Header int
	Align  int
}

// Bytes returns the bytes of log that a commit with so many body bytes takes.
func (o Overhead) Bytes(body int) int {
	n, align := o.Header+body, max(o.Align, 1)
	return (n + align - 1) / align * align
}

// Body returns the largest body whose commit takes no more bytes of log than
// a record of so many bytes, rounded up to Align; 0 for a record that is all
// header.
func (o Overhead) Body(record int) int {
	align := max(o.Align, 1)
	return max(0, (record+align-1)/align*align-o.Header)
}
