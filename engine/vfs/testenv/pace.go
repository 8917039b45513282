package testenv

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
)

// atATime is how many parallel tests of a package run at a time that mostly wait.
// More would take the disk and the processors from each other.
const atATime = 4

// Waiting is called by the TestMain of a package whose tests mostly wait: for children,
// for a disk, for a load that is paced. Of those that may run beside others (t.Parallel)
// more run at a time than there are processors, unless go test -parallel says how many.
func Waiting() {
	if !flag.Parsed() {
		flag.Parse()
	}
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if n := max(atATime, runtime.GOMAXPROCS(0)); !asked {
		_ = flag.Set("test.parallel", strconv.Itoa(n)) // a number is legal
	}
}

// FewCollections is called by the TestMain of a package whose tests make much and keep
// little, so that a third of their time would go to the garbage collector: it lets the
// heap grow to some times as much before it is collected, unless GOGC says how much, but
// hardly beyond 768 MiB, unless GOMEMLIMIT does.
func FewCollections() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(768 << 20)
	}
}
