// Command flushbench measures what innodb_flush_log_at_trx_commit = 0, 1 and 2
// cost and risk on the disk under a folder.
//
// It turns flags into a scenario, has it measured by the packages below, and
// prints what they return: results on standard output, progress and errors on
// standard error. Nothing here measures anything.
package main

import "os"

func main() {
	os.Exit(execute(takeArguments(), os.Stdout, os.Stderr))
}
