package server

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"flushbench/workload/target"
)

// Both products put the socket where they are told from their data folder, so a
// relative path escapes the limit of 107 bytes.
const mysqlSocket = "mysqld.sock"

var mariadb = &kind{
	product:    target.MariaDB,
	scheme:     target.SchemeMySQL,
	superuser:  "root",
	program:    "mariadbd",
	names:      []string{"mariadbd", "mysqld"}, // mysqld before 10.4
	folders:    mysqlFolders,
	askVersion: mysqlAskVersion,
	reports:    "MariaDB",
	install:    "install mariadb-server (on Debian mariadb-server-core is enough)",
	users:      []string{"mysql", "nobody"},
	socketName: mysqlSocket,
	stopSignal: syscall.SIGTERM,
	redoLogs:   []string{"ib_logfile*"},
	initialize: initializeMariaDB,
	arguments:  func(s *Server) []string { return append(mysqlArguments(s), s.config.Options...) },
	ping:       pingMySQL,
	crashed:    []string{"crash recovery"},
	recovered:  mysqlRecovered,
}

var mysql = &kind{
	product:    target.MySQL,
	scheme:     target.SchemeMySQL,
	superuser:  "root",
	program:    "mysqld",
	names:      []string{"mysqld"},
	folders:    mysqlFolders,
	askVersion: mysqlAskVersion,
	reports:    "Ver", // and not MariaDB's, see find
	install:    "install mysql-server (on Debian and Ubuntu mysql-server-core is enough)",
	users:      []string{"mysql", "nobody"},
	socketName: mysqlSocket,
	stopSignal: syscall.SIGTERM,
	redoLogs:   []string{"#innodb_redo/#ib_redo*", "ib_logfile*"}, // from 8.0.30 on, before
	initialize: initializeMySQL,
	// The X plugin has a socket of its own, in /tmp.
	arguments: func(s *Server) []string {
		return slices.Concat(mysqlArguments(s), []string{"--loose-mysqlx=OFF"}, s.config.Options)
	},
	ping:      pingMySQL,
	crashed:   []string{"crash recovery"},
	recovered: mysqlRecovered,
}

var mysqlFolders = []string{
	"/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin",
	"/usr/local/mysql/bin", "/usr/local/mariadb/bin", "/opt/mysql/bin", "/opt/mariadb/bin",
}

var mysqlAskVersion = []string{"--no-defaults", "--version"}

var mysqlRecovered = []string{
	"recover", "rollback of", "Rollback of", "olled back", "prepared transaction", "doublewrite",
}

// mysqlArguments are the options of every start. --no-defaults must be the first:
// no file of the system's server may say anything here.
func mysqlArguments(s *Server) []string {
	return []string{
		"--no-defaults",
		"--basedir=" + filepath.Dir(filepath.Dir(s.config.Binary)),
		"--datadir=" + s.folder.data(),
		"--socket=" + filepath.Join("..", runName, mysqlSocket),
		"--pid-file=" + filepath.Join(s.folder.run(), "pid"),
		"--tmpdir=" + s.folder.run(),
		"--skip-networking",
		"--skip-name-resolve",
	}
}

// innodbOptions are those of the options that shape the files of a new folder.
func innodbOptions(options []string) []string {
	var shape []string
	for _, o := range options {
		if strings.HasPrefix(o, "--innodb-") || strings.HasPrefix(o, "--innodb_") {
			shape = append(shape, o)
		}
	}
	return shape
}

func createDatabase(name string) string { return fmt.Sprintf("CREATE DATABASE %s;\n", name) }

// initializeMariaDB: the script knows which tables this version wants. root gets
// in without a password, which is what the folder of the socket is closed for. A
// folder that is thrown away when it was not completed needs no flushes.
func initializeMariaDB(s *Server) ([]step, error) {
	path, err := beside(s.config.Binary, "mariadb-install-db", "mysql_install_db")
	if err != nil {
		return nil, err
	}
	args := []string{
		"--no-defaults",
		"--basedir=" + filepath.Dir(filepath.Dir(s.config.Binary)),
		"--datadir=" + s.folder.data(),
		"--tmpdir=" + s.folder.run(),
		"--auth-root-authentication-method=normal",
		"--skip-test-db",
		"--skip-name-resolve",
	}
	shape := append([]string{"--loose-innodb-flush-method=nosync"}, innodbOptions(s.config.Options)...)
	return []step{
		{path: path, args: slices.Concat(args, shape, s.config.Init)},
		{path: s.config.Binary, args: slices.Concat(mysqlArguments(s), []string{"--bootstrap"}, shape),
			input: createDatabase(s.config.Database)},
	}, nil
}

// initializeMySQL: the server does it itself, and runs the file with our statement
// last.
func initializeMySQL(s *Server) ([]step, error) {
	sql, err := s.folder.script("database.sql", createDatabase(s.config.Database))
	if err != nil {
		return nil, err
	}
	args := slices.Concat(mysqlArguments(s), []string{"--initialize-insecure", "--init-file=" + sql},
		innodbOptions(s.config.Options), s.config.Init)
	return []step{{path: s.config.Binary, args: args}}, nil
}
