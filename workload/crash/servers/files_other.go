//go:build !linux

package servers

import (
	"context"
	"errors"
)

var errUnsupported = errors.New("crash: servers are crashed on Linux alone")

func copyServer(context.Context, string, string, []string, bool) error { return errUnsupported }
func syncFolder(string) error                                          { return errUnsupported }
func syncDisk(string) error                                            { return errUnsupported }
