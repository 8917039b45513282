package server

import (
	"path/filepath"
	"syscall"

	"flushbench/workload/target"
)

var postgres = &kind{
	product:    target.PostgreSQL,
	scheme:     target.SchemePostgres,
	superuser:  "postgres",
	program:    "postgres",
	names:      []string{"postgres"},
	folders:    []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin"},
	askVersion: []string{"--version"},
	reports:    "PostgreSQL",
	install:    "install postgresql",
	users:      []string{"postgres", "nobody"},
	socketName: ".s.PGSQL.5432", // clients derive it from the port
	stopSignal: syscall.SIGINT,  // fast: clients are sent away
	redoLogs:   []string{"pg_wal/????????????????????????"},
	initialize: initializePostgres,
	arguments:  func(s *Server) []string { return append(postgresArguments(s), s.config.Options...) },
	ping:       pingPostgres,
	crashed:    []string{"not properly shut down", "was interrupted"},
	recovered: []string{
		"not properly shut down", "was interrupted", "redo starts", "redo done", "redo is not required", "invalid record",
	},
}

// postgresArguments are the options of every start. Its settings files are those
// of the data folder, which only it and we write to.
func postgresArguments(s *Server) []string {
	return []string{
		"-D", s.folder.data(),
		"-c", "listen_addresses=",
		"-c", "port=5432",
		"-c", "unix_socket_directories=" + filepath.Join("..", runName),
		"-c", "unix_socket_permissions=0700",
		"-c", "logging_collector=off",
		"-c", "log_destination=stderr",
	}
}

// initializePostgres makes the folder, and in single-user mode the database.
func initializePostgres(s *Server) ([]step, error) {
	initdb, err := beside(s.config.Binary, "initdb")
	if err != nil {
		return nil, err
	}
	args := []string{
		"-D", s.folder.data(), "-U", s.kind.superuser,
		"--auth-local=trust", "--auth-host=reject",
		"--locale=C", "--encoding=UTF8", "--no-sync", "--no-instructions",
	}
	return []step{
		{path: initdb, args: append(args, s.config.Init...)},
		{path: s.config.Binary, args: []string{"--single", "-j", "-D", s.folder.data(), "postgres"},
			input: createDatabase(s.config.Database) + "\n"},
	}, nil
}
