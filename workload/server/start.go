package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"flushbench/workload/target"
)

// DefaultDatabase is the database of a private server.
const DefaultDatabase = "flushbench"

// patience is how long a server may make no progress before it is given up.
const patience = time.Minute

// Config says which server to start, and on what.
type Config struct {
	Product target.Product
	// Binary is the path of the server's program; "" finds one, see [Find].
	Binary string
	// Dir is a folder that is empty or missing, or one that an earlier Start was
	// given and Close was not called for. As root, its mode becomes 0711.
	Dir string
	// Tuning is what the products have in common; zero leaves their defaults.
	Tuning Tuning
	// Options are further options of the server's command line, after ours:
	// --NAME=VALUE, for PostgreSQL -c and NAME=VALUE as two.
	Options []string
	// Init are further options of the program that makes the data folder:
	// --wal-segsize=1. MariaDB's and MySQL's get the --innodb- ones of Options too.
	Init []string
	// Database is made together with the data folder; "" is [DefaultDatabase].
	// Letters, digits and _ alone.
	Database string
	// Patience is how long the server may make no progress while it starts or
	// stops, neither by CPU time nor by bytes; 0 is one minute. There is no limit
	// to the whole: recovery takes as long as it takes, until the context ends.
	Patience time.Duration
}

// plainName reports whether a name needs no quotes in any product.
func plainName(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", r) {
			return false
		}
	}
	return true
}

// Start makes the data folder if Dir is empty, starts the server and returns when
// it answers; after a crash that is when it has recovered, which Recovery tells.
// As root the server runs as an unprivileged user.
//
// A server that fails to start is gone when Start returns, and so is all that was
// made in a new folder. The error is one line that ends with the last words of
// the server's log.
//
// A new data folder is not flushed: who wants it to survive a crash of the kernel
// stops the server and flushes its file system.
func Start(ctx context.Context, c Config) (*Server, error) {
	s, fresh, err := prepare(ctx, c)
	if err != nil {
		return nil, err
	}
	if err = s.run(ctx, fresh); err == nil {
		return s, nil
	}
	if fresh {
		err = errors.Join(err, s.folder.empty())
	}
	return nil, err
}

// prepare finds the programs and the folder.
func prepare(ctx context.Context, c Config) (s *Server, fresh bool, err error) {
	if !supported {
		return nil, false, errUnsupported
	}
	k := kinds[c.Product]
	if k == nil {
		return nil, false, fmt.Errorf("private server: product %d: want mariadb, mysql or postgres", c.Product)
	}
	if c.Database == "" {
		c.Database = DefaultDatabase
	}
	if !plainName(c.Database) {
		return nil, false, fmt.Errorf("private server: database %q: want letters, digits and _", c.Database)
	}
	if c.Patience <= 0 {
		c.Patience = patience
	}
	s = &Server{kind: k, config: c}
	if s.config.Binary, s.version, err = find(ctx, k, c.Binary); err != nil {
		return nil, false, err
	}
	tuned, err := c.Tuning.options(c.Product, s.version)
	if err != nil {
		return nil, false, err
	}
	s.config.Options = append(tuned, c.Options...)
	if s.account, err = unprivileged(k); err != nil {
		return nil, false, err
	}
	s.folder, fresh, err = openFolder(c.Dir, k, s.version)
	if err != nil {
		return nil, false, err
	}
	if err := s.folder.prepare(ctx, k, s.account, s.config.Binary, fresh); err != nil {
		if fresh {
			err = errors.Join(err, s.folder.empty())
		}
		return nil, false, err
	}
	return s, fresh, nil
}

// run makes the data folder, if it is to be made, and starts the server on it.
func (s *Server) run(ctx context.Context, fresh bool) error {
	if fresh {
		if err := s.initialize(ctx); err != nil {
			return err
		}
	}
	var err error
	if s.place, s.runOpen, err = s.folder.socket(s.kind.socketName); err != nil {
		return err
	}
	began := time.Now()
	err = s.launch()
	if err == nil {
		err = s.await(ctx)
	}
	took := time.Since(began)
	if err == nil {
		err = s.noteShared()
	}
	if err != nil {
		return errors.Join(err, s.abandon())
	}
	s.recovery = s.kind.recovery(s.log())
	s.recovery.Took = took
	return nil
}

// noteShared notes the shared memory that would stay after a kill.
func (s *Server) noteShared() error {
	names := sharedNames(s.main)
	if len(names) == 0 {
		return nil
	}
	return s.folder.sign(func(m *marker) { m.Shared = names })
}

// abandon ends a server that did not come up.
func (s *Server) abandon() error {
	var err error
	if s.ended != nil {
		err = s.Kill()
	}
	return errors.Join(err, s.release())
}

// launch starts the process and notes it in the folder's marker, by which a later
// flushbench would find it.
func (s *Server) launch() error {
	log, err := s.folder.openLog()
	if err != nil {
		return err
	}
	if s.logFrom, err = log.Seek(0, io.SeekEnd); err != nil {
		return errors.Join(fmt.Errorf("private server: %w", err), log.Close())
	}
	cmd := command(s.config.Binary, s.kind.arguments(s), s.folder.data(), s.folder.run())
	cmd.Stdout, cmd.Stderr = log, log
	err = s.spawn(cmd)
	err = errors.Join(err, log.Close()) // the child has its own
	if err != nil {
		return fmt.Errorf("%s: %w", s.config.Binary, err)
	}
	return s.folder.sign(func(m *marker) { m.Server = s.main })
}
