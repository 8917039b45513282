package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// stat is what /proc/PID/stat says.
type stat struct {
	ID
	parent int
	state  byte   // R, S, D, T, Z ...
	ticks  uint64 // of CPU, in user and system mode
	waited uint64 // the same of the children that it has waited for
}

func (s *stat) dead() bool    { return s.state == 'Z' || s.state == 'X' }
func (s *stat) stopped() bool { return s.state == 'T' || s.state == 't' || s.dead() }

// Fields of /proc/PID/stat, counted from the one behind the command's name, which
// may hold anything: see proc_pid_stat(5).
const (
	statState  = 0
	statParent = 1
	statUser   = 11
	statSystem = 12
	// Of children that were waited for.
	statChildUser   = 13
	statChildSystem = 14
	statStart       = 19
)

func parseStat(text string) (stat, error) {
	pid, rest, _ := strings.Cut(text, " ")
	fields := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])
	if len(fields) <= statStart {
		return stat{}, fmt.Errorf("stat of a process: %d fields", len(fields))
	}
	state := fields[statState]
	if len(state) != 1 || !('A' <= state[0] && state[0] <= 'Z' || 'a' <= state[0] && state[0] <= 'z') {
		return stat{}, fmt.Errorf("stat of a process: state %q is no letter", state)
	}
	var s stat
	var errs [7]error
	var start, user, system, childUser, childSystem uint64
	s.PID, errs[0] = strconv.Atoi(pid)
	s.parent, errs[1] = strconv.Atoi(fields[statParent])
	user, errs[2] = strconv.ParseUint(fields[statUser], 10, 64)
	system, errs[3] = strconv.ParseUint(fields[statSystem], 10, 64)
	childUser, errs[4] = strconv.ParseUint(fields[statChildUser], 10, 64)
	childSystem, errs[5] = strconv.ParseUint(fields[statChildSystem], 10, 64)
	start, errs[6] = strconv.ParseUint(fields[statStart], 10, 64)
	s.Start = Ticks(start)
	s.state, s.ticks, s.waited = state[0], user+system, childUser+childSystem
	return s, errors.Join(errs[:]...)
}

func readStat(path string) (stat, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return stat{}, err
	}
	s, err := parseStat(string(text))
	s.Boot = Boot()
	return s, err
}

// Of returns the process of that number.
func Of(pid int) (ID, error) {
	s, err := readStat(Path(pid, "stat"))
	return s.ID, err
}

// Alive reports whether the process is there and has not ended; a zombie has.
func (p ID) Alive() bool {
	s, err := readStat(Path(p.PID, "stat"))
	return p.PID > 0 && err == nil && s.ID == p && !s.dead()
}
