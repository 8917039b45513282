package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"flushbench/workload"
	"flushbench/workload/target"
)

// The SQLSTATEs that mean something to us; the manual's appendix A lists them.
const (
	stateDeadlock         = "40P01"
	stateSerialization    = "40001"
	stateLockNotAvailable = "55P03" // lock_timeout has passed
	stateUniqueViolation  = "23505"
	stateReadOnly         = "25006"
	stateTooMany          = "53300"
	stateDiskFull         = "53100"
	statePrivilege        = "42501"
	stateUndefinedTable   = "42P01"
)

// kind is what an error of the server is to us: one of the errors of target and
// workload, or nil.
//
// A serialization failure is counted with the deadlocks: both mean that the
// transaction was ended for the sake of another and may be run again, and MySQL
// gives them one SQLSTATE, 40001.
func kind(e *pgconn.PgError) error {
	switch {
	case gone(e):
		return target.ErrConnectionLost
	case e.Code == stateDeadlock, e.Code == stateSerialization:
		return workload.ErrDeadlock
	case e.Code == stateLockNotAvailable:
		return workload.ErrLockWaitTimeout
	case e.Code == stateReadOnly:
		return target.ErrReadOnly
	case e.Code == stateTooMany:
		return target.ErrTooManyConnections
	case e.Code == stateDiskFull:
		return target.ErrNoSpace
	}
	return nil
}

// gone reports whether the server ends the connection with e: 57P01 to 57P05, and
// whatever else it calls fatal while a session is open. What came of a COMMIT
// that e was the answer to is not known.
func gone(e *pgconn.PgError) bool {
	severity := e.SeverityUnlocalized
	if severity == "" {
		severity = e.Severity
	}
	return strings.HasPrefix(e.Code, "57P") || (severity == "FATAL" || severity == "PANIC") && e.Code != stateTooMany && e.Code != stateDiskFull
}

// wrap says what err of doing something is, on one line.
func wrap(doing string, err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		if k := kind(e); k != nil {
			return fmt.Errorf("postgres: %s: %w: %s", doing, k, words(e))
		}
		return fmt.Errorf("postgres: %s: %s", doing, words(e))
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("postgres: %s: %w", doing, err)
	}
	return fmt.Errorf("postgres: %s: %w: %s", doing, target.ErrConnectionLost, oneLine(err))
}

// words is what the server said.
func words(e *pgconn.PgError) string { return fmt.Sprintf("%s (SQLSTATE %s)", e.Message, e.Code) }

// connectError is the error of making a connection, on one line. A server that is
// there and refuses is no lost connection, one that is not there is.
func connectError(doing string, err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code != stateTooMany && !strings.HasPrefix(e.Code, "57P") {
		return fmt.Errorf("postgres: %s: %s", doing, words(e))
	}
	return wrap(doing, err)
}

// oneLine is the text of err without line ends and without repetitions.
func oneLine(err error) string {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(parts, line) && !strings.HasPrefix(line, "failed to connect to") {
			parts = append(parts, line)
		}
	}
	if len(parts) == 0 {
		return strings.TrimSpace(err.Error())
	}
	return strings.Join(parts, "; ")
}
