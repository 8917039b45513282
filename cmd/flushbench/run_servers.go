package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"flushbench/workload/runner/servers"
	"flushbench/workload/scenario"
	"flushbench/workload/server"
	"flushbench/workload/target"
	"flushbench/workload/target/mysql"
	"flushbench/workload/target/postgres"
)

// serverOptions are the flags of run about real servers that a scenario does not hold.
type serverOptions struct {
	allowUnsafe bool
	password    string // path of the file
}

func (o *serverOptions) addFlags(fs *pflag.FlagSet) {
	addPasswordFlag(fs, &o.password)
	inGroup(fs, "Real servers (all workloads but log)", "password-file")
	fs.BoolVar(&o.allowUnsafe, "allow-unsafe-server-settings", false, "let --server-set and --server-option take a server's durability away, such as fsync=off")
	inGroup(fs, "Safety", "allow-unsafe-server-settings")
}

// check refuses what would void a server's policy, and a workload that none has.
func (o *serverOptions) check(s *scenario.Scenario, flags *pflag.FlagSet) error {
	if !s.Servers() {
		if o.password != "" {
			return errors.New("--password-file without a server: add --target")
		}
		return nil
	}
	if f := flags.Lookup("workload"); f != nil && f.Changed && f.Value.String() == scenario.KindLog.String() {
		return fmt.Errorf("--%w", scenario.ErrLogOnServer)
	}
	unsafe := slices.Concat(s.ServerSet.Unsafe(), s.ServerOption.Unsafe())
	if len(unsafe) > 0 && !o.allowUnsafe {
		return fmt.Errorf("%s: a crash could then take anything, whatever the policy is; --allow-unsafe-server-settings allows it", strings.Join(unsafe, ", "))
	}
	return nil
}

// servers are the real servers of a run.
func (o *serverOptions) servers(s *scenario.Scenario) (all []servers.Server, err error) {
	for i, t := range s.Targets() {
		if t.Engine() {
			continue
		}
		x := servers.Server{Label: s.Labels()[i], Address: t.Address, Open: o.open, Set: target.Settings(s.ServerSet)}
		if t.Private != 0 {
			if _, _, err := server.Find(t.Private); err != nil {
				return nil, usageError(err)
			}
			x.Start = starter(t.Private, s)
		} else if x.Address, err = withPassword(t.Address, o.password); err != nil {
			return nil, usageError(err)
		}
		all = append(all, x)
	}
	return all, nil
}

// open connects to a server by the scheme of its address.
func (o *serverOptions) open(ctx context.Context, a target.Address) (target.Server, error) {
	if a.Scheme == target.SchemePostgres {
		return postgres.OpenWith(ctx, a, postgres.Options{AllowUnsafe: o.allowUnsafe})
	}
	return mysql.Open(ctx, a)
}

// privateClients is how many sessions a private server takes beside the clients.
const privateClients = 16

// starter starts a private server for a scenario: with the engine's buffer pool and
// with a binlog where the engine has one.
func starter(p target.Product, s *scenario.Scenario) func(context.Context, string, string) (servers.Process, error) {
	cfg := server.Config{Product: p, Tuning: server.Tuning{PoolBytes: int64(s.BufferPool[0])}}
	option := func(name, value string) {
		if p == target.PostgreSQL {
			cfg.Options = append(cfg.Options, "-c", name+"="+value)
			return
		}
		name = "--" + strings.TrimLeft(name, "-")
		if value != "" {
			name += "=" + value
		}
		cfg.Options = append(cfg.Options, name)
	}
	cfg.Tuning.Binlog = p != target.PostgreSQL && bool(s.Binlog)
	if cfg.Tuning.Binlog { // as the engine's
		option("binlog_format", strings.ToUpper(s.BinlogFormat[0].String()))
		option("binlog_row_image", strings.ToUpper(s.BinlogImage.String()))
	}
	if most := slices.Max(s.Clients) + privateClients; most > 100 {
		option("max_connections", fmt.Sprint(most))
	}
	for _, x := range s.ServerOption {
		option(x.Name, x.Value)
	}
	return func(ctx context.Context, dir, buffering string) (servers.Process, error) {
		c := cfg
		c.Dir = dir
		switch buffering {
		case "on":
			c.Tuning.LogBuffering = server.On
		case "off":
			c.Tuning.LogBuffering = server.Off
		}
		started, err := server.Start(ctx, c)
		if err != nil {
			return nil, err // not a *server.Server that is nil
		}
		return started, nil
	}
}

// stateDir is where the settings of servers are kept while a run changes them: one
// place for all runs of a user, wherever they are started.
func stateDir() string {
	base := os.Getenv("XDG_STATE_HOME")
	if home, err := os.UserHomeDir(); base == "" && err == nil {
		base = filepath.Join(home, ".local", "state")
	}
	base = cmp.Or(base, filepath.Join(os.TempDir(), fmt.Sprintf("flushbench-%d", os.Getuid())))
	return filepath.Join(base, "flushbench")
}

// hideServerFlags leaves out of help what only run has.
func hideServerFlags(fs *pflag.FlagSet) {
	for _, name := range []string{"target", "start", "server-log-buffering", "server-set", "server-option"} {
		fs.Lookup(name).Hidden = true
	}
}

// engineAlone refuses real servers for a command that has none.
func engineAlone(command string, s *scenario.Scenario) error {
	if s.Servers() || s.TxnCPU == scenario.TxnCPUAuto {
		return fmt.Errorf("%s measures the engine alone: leave out --target, --start and --txn-cpu auto, or measure servers with flushbench run", command)
	}
	return nil
}
