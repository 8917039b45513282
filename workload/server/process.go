package server

import "errors"

// errUnsupported: this system is not Linux.
var errUnsupported = errors.New("private servers need Linux")
