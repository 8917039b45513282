package groupcommit

import (
	"fmt"
	"strings"
	"time"

	"flushbench/engine/axis"
)

// Policy is when a commit is acknowledged: innodb_flush_log_at_trx_commit.
type Policy uint8

// The policies. Their values are MySQL's, and MariaDB's for 3.
const (
	Policy0 Policy = 0
	Policy1 Policy = 1
	Policy2 Policy = 2
	Policy3 Policy = 3
)

// Policies is the table of the policy axis.
var Policies = axis.Table[Policy]{
	Axis: "policy",
	Values: []axis.Value[Policy]{
		{Value: Policy1, Name: "1", Help: "write and flush, then acknowledge"},
		{Value: Policy2, Name: "2", Help: "write to the page cache, then acknowledge; flush once an interval"},
		{Value: Policy0, Name: "0", Help: "acknowledge from the log buffer; write and flush once an interval"},
		{Value: Policy3, Name: "3", Help: "as 1, and with a binlog the COMMIT is flushed too (MariaDB); for a log alone it is 1"},
	},
}

// Flushes reports whether a commit waits for a flush: bit 0 of the value, as
// MariaDB has it.
func (p Policy) Flushes() bool { return p&1 != 0 }

// String returns the name of p.
func (p Policy) String() string { return Policies.Name(p) }

// MarshalText implements encoding.TextMarshaler.
func (p Policy) MarshalText() ([]byte, error) { return Policies.MarshalText(p) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Policy) UnmarshalText(text []byte) error { return Policies.UnmarshalText(p, text) }

// Style is how policy 0 writes between two flushes. The zero value is Classic.
type Style uint8

// The styles of policy 0.
const (
	Classic Style = iota
	Continuous
)

// Styles is the table of the policy-0 style axis.
var Styles = axis.Table[Style]{
	Axis: "policy-0 style",
	Values: []axis.Value[Style]{
		{Value: Classic, Name: "classic", Help: "nothing is written until the interval, unless the log buffer fills (MySQL <= 5.7, MariaDB)"},
		{Value: Continuous, Name: "continuous", Help: "a log writer follows within milliseconds, only the flush waits (MySQL 8)"},
	},
}

// String returns the name of s.
func (s Style) String() string { return Styles.Name(s) }

// MarshalText implements encoding.TextMarshaler.
func (s Style) MarshalText() ([]byte, error) { return Styles.MarshalText(s) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Style) UnmarshalText(text []byte) error { return Styles.UnmarshalText(s, text) }

// Strategy is who flushes for whom under policies 1 and 3. The zero value is Dedicated.
type Strategy uint8

// The strategies.
const (
	Dedicated Strategy = iota
	Leader
	Serial
)

// Strategies is the table of the group-commit axis.
var Strategies = axis.Table[Strategy]{
	Axis: "group commit",
	Values: []axis.Value[Strategy]{
		{Value: Dedicated, Name: "dedicated", Help: "one flush goroutine for all; a lone committer writes and flushes itself"},
		{Value: Leader, Name: "leader", Help: "the first to come flushes for those who came meanwhile (textbook leader and followers)"},
		{Value: Serial, Name: "serial", Help: "every commit has a flush of its own (no group commit)"},
	},
}

// String returns the name of s.
func (s Strategy) String() string { return Strategies.Name(s) }

// MarshalText implements encoding.TextMarshaler.
func (s Strategy) MarshalText() ([]byte, error) { return Strategies.MarshalText(s) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Strategy) UnmarshalText(text []byte) error { return Strategies.UnmarshalText(s, text) }

// Protocol is how a commit that goes to two logs keeps them in step. The zero value
// is TwoPhase.
type Protocol uint8

// The protocols.
const (
	TwoPhase Protocol = iota
	RedoFirst
	BinlogFirst
)

// Protocols is the table of the commit-protocol axis.
var Protocols = axis.Table[Protocol]{
	Axis: "commit protocol",
	Values: []axis.Value[Protocol]{
		{Value: TwoPhase, Name: "2pc", Help: "PREPARE in the redo log, then the binlog, then COMMIT; recovery asks the binlog about what is prepared"},
		{Value: RedoFirst, Name: "redo-first", Help: "no PREPARE: COMMIT in the redo log, then the binlog; a crash in between leaves the engine ahead"},
		{Value: BinlogFirst, Name: "binlog-first", Help: "no PREPARE: the binlog, then COMMIT in the redo log; a crash in between leaves the binlog ahead"},
	},
}

// String returns the name of p.
func (p Protocol) String() string { return Protocols.Name(p) }

// MarshalText implements encoding.TextMarshaler.
func (p Protocol) MarshalText() ([]byte, error) { return Protocols.MarshalText(p) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Protocol) UnmarshalText(text []byte) error { return Protocols.UnmarshalText(p, text) }

// Delay is the gathering delay before a group is cut: off (the zero value),
// adaptive, or a fixed time.
type Delay struct {
	Adaptive bool
	Fixed    time.Duration // 0: off; at most MaxDelay
}

// MaxDelay is the longest fixed gathering delay, as MySQL's
// binlog_group_commit_sync_delay.
const MaxDelay = time.Second

// String returns "off", "adaptive" or the duration.
func (d Delay) String() string {
	switch {
	case d.Adaptive:
		return "adaptive"
	case d.Fixed == 0:
		return "off"
	}
	return d.Fixed.String()
}

// MarshalText implements encoding.TextMarshaler.
func (d Delay) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Delay) UnmarshalText(text []byte) error {
	switch s := strings.ToLower(strings.TrimSpace(string(text))); s {
	case "off", "0":
		*d = Delay{}
	case "adaptive":
		*d = Delay{Adaptive: true}
	default:
		v, err := time.ParseDuration(s)
		if err != nil || v < 0 || v > MaxDelay {
			return fmt.Errorf("group delay %q: must be off, adaptive, or a duration up to %v such as 50us", s, MaxDelay)
		}
		*d = Delay{Fixed: v}
	}
	return nil
}
