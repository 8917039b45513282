package mysql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"flushbench/workload"
	"flushbench/workload/target"
)

// Numbers of errors that mean something to us. Where the products differ, both.
const (
	erDupEntry       = 1062
	erTableExists    = 1050
	erUnknownVar     = 1193
	erAccessDenied   = 1045
	erDBAccess       = 1044
	erTableAccess    = 1142
	erColumnAccess   = 1143
	erSpecificAccess = 1227
	erReadOnlyVar    = 1238
)

// kinds are the errors of a server by number.
var kinds = map[uint16]error{
	1213: workload.ErrDeadlock,
	1020: workload.ErrDeadlock, // MariaDB with innodb_snapshot_isolation: the row has changed since the read view was made
	1205: workload.ErrLockWaitTimeout,

	1053: target.ErrConnectionLost, // shutdown in progress
	1927: target.ErrConnectionLost, // MariaDB: connection was killed
	1158: target.ErrConnectionLost,
	1159: target.ErrConnectionLost,
	1160: target.ErrConnectionLost,
	1161: target.ErrConnectionLost,
	4031: target.ErrConnectionLost, // MySQL: disconnected because of inactivity

	1290: target.ErrReadOnly, // runs with --read-only
	1792: target.ErrReadOnly, // in a READ ONLY transaction
	1836: target.ErrReadOnly, // runs in read-only mode

	1040: target.ErrTooManyConnections,
	1203: target.ErrTooManyConnections, // max_user_connections
	1226: target.ErrTooManyConnections, // a limit of the account

	1021: target.ErrNoSpace, // disk full
	1114: target.ErrNoSpace, // the table is full: the table space cannot grow

	erDBAccess:       target.ErrPrivilege,
	erTableAccess:    target.ErrPrivilege,
	erColumnAccess:   target.ErrPrivilege,
	erSpecificAccess: target.ErrPrivilege,
}

// noSpace is how the server's own words end when the system said ENOSPC, whatever
// the number of the error (3, 1026, 1030, 1180, ...).
var noSpace = []string{"errcode: 28", "errno: 28", "error 28 ", "no space left on device"}

// classify wraps an error of the driver in what it means to a caller. What the
// server has not said itself is a lost connection, except for mistakes on this
// side and the end of the context.
func classify(err error) error {
	if err == nil || target.Failure(err) != "other" || errors.Is(err, target.ErrPrivilege) || errors.Is(err, target.ErrNotOurs) {
		return err // nothing to add
	}
	var m *mysql.MySQLError
	if errors.As(err, &m) {
		if k := kinds[m.Number]; k != nil {
			return fmt.Errorf("%w: %w", k, err)
		}
		words := strings.ToLower(m.Message)
		for _, w := range noSpace {
			if strings.Contains(words, w) {
				return fmt.Errorf("%w: %w", target.ErrNoSpace, err)
			}
		}
		return err
	}
	for _, o := range own {
		if errors.Is(err, o) {
			return err
		}
	}
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return err
	}
	return fmt.Errorf("%w: %w", target.ErrConnectionLost, err)
}

// own are errors of this side that say enough by themselves.
var own = []error{
	context.Canceled, context.DeadlineExceeded, errRefused,
	mysql.ErrPktTooLarge, mysql.ErrNoTLS, mysql.ErrOldProtocol,
	mysql.ErrCleartextPassword, mysql.ErrNativePassword, mysql.ErrOldPassword, mysql.ErrUnknownPlugin,
}

// errRefused marks what this package refuses by itself.
var errRefused = errors.New("refused")

// number returns the server's number of an error, 0 for another error.
func number(err error) uint16 {
	var m *mysql.MySQLError
	if errors.As(err, &m) {
		return m.Number
	}
	return 0
}
