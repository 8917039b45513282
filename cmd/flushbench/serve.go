package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"flushbench/metrics/result"
	"flushbench/plots/report"
	"flushbench/plots/serve"
)

func newServeCmd() *cobra.Command {
	listen := serve.DefaultListen
	cmd := &cobra.Command{
		Use:   "serve [DIR] [flags]",
		Short: "Show results in a browser, and a run as it happens",
		Long: `Show the results below DIR (default: results) in a browser: a list, the report of
each, comparisons of chosen ones. A run that is at work there, whoever started it,
can be followed: throughput, latency, flushes, and what a crash would take at this
moment. /metrics says the same to Prometheus. It serves until Ctrl-C.

It can be looked at from this machine alone, unless --listen says otherwise; then
everybody who reaches that address sees all results, without a password. Nothing
can be started, changed or removed, and nothing outside DIR is read. From another
machine: ssh -L 7178:localhost:7178 HOST.

Watching costs a run next to nothing. Opening reports while it measures takes
processor time from it.`,
		Example: `  flushbench serve
  flushbench serve /var/lib/flushbench/results --listen 127.0.0.1:8080
  flushbench serve results/20261121T091402Z-laptop-7-run
  flushbench serve --listen 192.0.2.7:7178     for the whole network`,
		Args: atMostOneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "results"
			if len(args) > 0 {
				dir = args[0]
			}
			return runServe(cmd.Context(), dir, listen, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	cmd.Flags().StringVar(&listen, "listen", listen, "`ADDRESS` to listen on, HOST:PORT; port 0: any that is free")
	return cmd
}

// runServe serves until ctx ends, which is how it is meant to end: no error.
func runServe(ctx context.Context, dir, listen string, stdout, stderr io.Writer) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return usageError(fmt.Errorf("serve: %w", err))
	case !info.IsDir():
		return usagef("serve: %s is not a folder: give the one that holds the results", dir)
	}
	p, err := listenFor(listen, stderr)
	if err != nil {
		return err
	}
	if err := p.open(dir); err != nil {
		return errors.Join(err, p.close())
	}
	_, err = fmt.Fprintf(stdout, "Results of %s: %s (until Ctrl-C)\n", dir, p.url)
	if err == nil {
		err = p.server.Serve(ctx, p.l)
	}
	return errors.Join(err, p.close())
}

// pages is a server: first its address, then the folder that it shows.
type pages struct {
	host   string // that it was told to listen on
	l      net.Listener
	url    string
	note   func(string)
	server *serve.Server // nil until open
}

// listenFor takes an address, and warns of one that others reach.
func listenFor(listen string, stderr io.Writer) (*pages, error) {
	l, others, err := serve.Listen(listen)
	if err != nil {
		return nil, usageError(fmt.Errorf("serve: %w", err))
	}
	host, _, _ := net.SplitHostPort(listen) // Listen has read it
	if others {
		fmt.Fprintf(stderr, "flushbench: everybody who reaches %v sees all results, without a password\n", l.Addr())
	}
	return &pages{host: host, l: l, url: serve.URL(host, l.Addr()), note: notesTo(stderr)}, nil
}

// open opens the folder to show.
func (p *pages) open(dir string) (err error) {
	p.server, err = serve.New(serve.Config{Dir: dir, Host: p.host, Report: reportBytes, Compare: comparisonPage, Note: p.note})
	return err
}

// close gives the address and the folder back.
func (p *pages) close() error {
	err := p.l.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil // Serve has closed it
	}
	if p.server != nil {
		err = errors.Join(err, p.server.Close())
	}
	return err
}

// notesTo returns a function that writes lines to w, one at a time.
func notesTo(w io.Writer) func(string) {
	var mu sync.Mutex
	return func(text string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, "flushbench: serve: %s\n", text)
	}
}

// reportBytes is the report of a result, byte for byte as writeReport makes it.
func reportBytes(r *result.Result) ([]byte, error) {
	page, err := report.New(reportPart(r))
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := page.WriteHTML(&text); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
