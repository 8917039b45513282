//go:build !linux

package ledger

import (
	"errors"
	"os"
)

var errHere = errors.New("ledger: memory shared with a child process: not supported on this operating system")

// Create is not supported here.
func Create(Config) (*Ledger, error) { return nil, errHere }

// Attach is not supported here.
func Attach(*os.File) (*Ledger, error) { return nil, errHere }
