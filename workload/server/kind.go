package server

import (
	"syscall"

	"flushbench/workload/target"
)

// kind is what a product is started and spoken to with. The three are values of
// this type; nothing else here asks which product it has before it.
type kind struct {
	product    target.Product
	scheme     string   // of addresses
	superuser  string   // of the server
	program    string   // the server's, as its errors are headed
	names      []string // what the program may be called, the likeliest first
	folders    []string // where it may lie beside PATH; patterns
	askVersion []string // options that make the program say its version
	reports    string   // a word in the answer
	install    string   // what to do when there is none
	users      []string // system users that it runs as when we are root, the likeliest first
	socketName string
	stopSignal syscall.Signal
	redoLogs   []string // patterns of the log's files in the data folder; the first that fits counts

	// initialize returns the commands that make the data folder; the last gets
	// the statement that makes the database as its standard input if it wants it.
	initialize func(s *Server) ([]step, error)
	arguments  func(s *Server) []string
	// ping returns nil when the server takes sessions.
	ping func(c *conversation) error

	crashed   []string // words of its log after which it had not been shut down
	recovered []string // words of lines that speak of recovery
}

// step is a program that is run while a data folder is made.
type step struct {
	path  string
	args  []string
	input string
}

// kinds are the products.
var kinds = map[target.Product]*kind{
	target.MariaDB:    mariadb,
	target.MySQL:      mysql,
	target.PostgreSQL: postgres,
}
