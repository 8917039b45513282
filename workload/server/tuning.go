package server

import (
	"fmt"
	"strconv"
	"strings"

	"flushbench/workload/target"
)

// Tuning is what is often set and is called differently in each product. Zero
// values leave the server's defaults.
type Tuning struct {
	// RedoBytes is the size of the redo log. MariaDB takes 4 MiB at least, MySQL
	// 8 MiB (before 8.0.30, where it is two files, 4 MiB each), PostgreSQL twice
	// the size of a segment (see Config.Init; it is a target, no limit).
	RedoBytes int64
	PoolBytes int64 // of the buffer pool
	Binlog    bool  // MariaDB's and MySQL's; false is without one, whatever the default
	// LogBuffering says whether the redo log goes through the page cache:
	// innodb_log_file_buffering of MariaDB from 10.8.4 on.
	LogBuffering Switch
}

// Switch is on, off, or left alone.
type Switch uint8

// The switches.
const (
	Default Switch = iota
	Off
	On
)

// options returns the server's options for t. What the product has not is an
// error.
func (t Tuning) options(p target.Product, version string) ([]string, error) {
	if t.RedoBytes < 0 || t.PoolBytes < 0 {
		return nil, fmt.Errorf("private server: sizes of %d and %d bytes: want 0 (the server's default) or more", t.RedoBytes, t.PoolBytes)
	}
	if p == target.PostgreSQL {
		return t.postgres()
	}
	var o []string
	if t.PoolBytes > 0 {
		o = append(o, fmt.Sprintf("--innodb-buffer-pool-size=%d", t.PoolBytes))
	}
	if t.RedoBytes > 0 {
		o = append(o, redoOption(p, version, t.RedoBytes))
	}
	if t.Binlog {
		o = append(o, "--log-bin=binlog", "--server-id=1")
	} else {
		o = append(o, "--skip-log-bin")
	}
	switch {
	case t.LogBuffering == Default:
	case p != target.MariaDB || !atLeast(version, 10, 8, 4):
		return nil, fmt.Errorf("private server: log buffering is a setting of MariaDB from 10.8.4 on; this is %s %s", p, version)
	case t.LogBuffering == On:
		o = append(o, "--innodb-log-file-buffering=ON")
	default:
		o = append(o, "--innodb-log-file-buffering=OFF")
	}
	return o, nil
}

// redoOption: MySQL before 8.0.30 and MariaDB before 10.5 have two files of the
// size that is named.
func redoOption(p target.Product, version string, size int64) string {
	switch {
	case p == target.MySQL && atLeast(version, 8, 0, 30):
		return fmt.Sprintf("--innodb-redo-log-capacity=%d", size)
	case p == target.MySQL || !atLeast(version, 10, 5, 0):
		return fmt.Sprintf("--innodb-log-file-size=%d", size/2)
	}
	return fmt.Sprintf("--innodb-log-file-size=%d", size)
}

func (t Tuning) postgres() ([]string, error) {
	if t.Binlog || t.LogBuffering != Default {
		return nil, fmt.Errorf("private server: PostgreSQL has no binlog and no switch for log buffering")
	}
	var o []string
	if t.PoolBytes > 0 {
		o = append(o, "-c", fmt.Sprintf("shared_buffers=%dkB", t.PoolBytes>>10))
	}
	if t.RedoBytes > 0 {
		mib := t.RedoBytes >> 20
		o = append(o, "-c", fmt.Sprintf("max_wal_size=%dMB", mib), "-c", fmt.Sprintf("min_wal_size=%dMB", mib))
	}
	return o, nil
}

// atLeast compares the numbers that a version begins with.
func atLeast(version string, want ...int) bool {
	digits := strings.FieldsFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	for i, w := range want {
		have := 0
		if i < len(digits) {
			have, _ = strconv.Atoi(digits[i]) // digits alone
		}
		if have != w {
			return have > w
		}
	}
	return true
}
