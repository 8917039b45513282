package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload/process"
	"flushbench/workload/target"
)

// play is what this test binary does as a child.
func play(what string, args []string) error {
	switch what {
	case "servers": // starts one of each in args[0], says which processes, and waits to be killed
		return playServers(args[0])
	case "full": // starts MariaDB on a file system that is too small
		return playFull(args[0])
	case "mysqld":
		return playMySQL(args)
	}
	return fmt.Errorf("cannot play %q", what)
}

func playServers(dir string) error {
	all := make(chan traces)
	products := []target.Product{target.MariaDB, target.PostgreSQL}
	for _, p := range products {
		go func() {
			s, err := Start(context.Background(), Config{Product: p, Dir: filepath.Join(dir, p.String()), Tuning: small})
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			family, _ := s.main.Family() // the test wants three at least
			all <- traces{Family: family, Shared: sharedNames(s.main)}
		}()
	}
	var both traces
	for range products {
		one := <-all
		both.Family, both.Shared = append(both.Family, one.Family...), append(both.Shared, one.Shared...)
	}
	if err := json.NewEncoder(os.Stdout).Encode(both); err != nil {
		return err
	}
	select {}
}

// TestServerOfAKilledFlushbench: two servers at once, and a SIGKILL of the process
// that started them. No process stays, and CleanUp finds the rest.
func TestServerOfAKilledFlushbench(t *testing.T) {
	need(t, target.MariaDB)
	need(t, target.PostgreSQL)
	dir := openDir(t)
	cmd := child(t, "servers", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	removed, cleanErr := CleanUp(dir)
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // killed
	if readErr != nil {
		t.Fatal(readErr)
	}
	if len(removed) > 0 || cleanErr == nil || !strings.Contains(cleanErr.Error(), fmt.Sprintf("in use by flushbench (pid %d)", cmd.Process.Pid)) {
		t.Errorf("CleanUp beside a live flushbench removed %v and says %v", removed, cleanErr)
	}
	var left traces
	if err := json.Unmarshal([]byte(line), &left); err != nil || len(left.Family) < 3 || len(left.Shared) == 0 {
		t.Fatalf("child said %s: %v", line, err)
	}
	if err := process.WaitForEnd(left.Family, 30*time.Second); err != nil {
		t.Errorf("of %v some are there: %v", left.Family, err)
		for _, p := range left.Family {
			_ = p.Signal(syscall.SIGKILL) // a test that fails leaves none
		}
	}
	removed, err = CleanUp(dir)
	if err != nil || len(removed) != 2 {
		t.Errorf("CleanUp removed %v, %v; want both folders", removed, err)
	}
	for _, folder := range removed {
		checkEmpty(t, folder)
	}
	for _, f := range left.Shared {
		if _, err := os.Stat(f); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", f, err)
		}
	}
}

// TestCleanUpEndsWhatStillRuns: a process that outlived its flushbench is ended if
// it is the one of the marker, and left alone if it has only its number.
func TestCleanUpEndsWhatStillRuns(t *testing.T) {
	for _, c := range []struct {
		name string
		off  process.Ticks
		ends bool
	}{{"same process", 0, true}, {"same number", 1, false}} {
		t.Run(c.name, func(t *testing.T) {
			cmd, p := sleeper(t)
			dir := t.TempDir()
			place := filepath.Join(dir, "work", "server")
			if err := os.MkdirAll(filepath.Join(place, dataName), 0o700); err != nil {
				t.Fatal(err)
			}
			f := &folder{path: place, marker: marker{
				Is: markerIs, Product: target.MariaDB,
				Owner: process.ID{PID: os.Getpid(), Start: 1, Boot: process.Boot()}, Server: process.ID{PID: p.PID, Start: p.Start + c.off, Boot: p.Boot},
			}}
			if err := f.sign(func(*marker) {}); err != nil {
				t.Fatal(err)
			}
			removed, err := CleanUp(dir)
			if err != nil || len(removed) != 1 || removed[0] != place {
				t.Errorf("CleanUp removed %v, %v; want %s", removed, err, place)
			}
			checkEmpty(t, place)
			if p.Alive() == c.ends {
				t.Errorf("the process lives: %v", p.Alive())
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
}

func child(t *testing.T, what string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), playAs+"="+what)
	cmd.Stderr = os.Stderr
	return cmd
}

// playFull makes a mount table of its own that ends with it.
func playFull(dir string) error {
	if err := syscall.Mount("none", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""); err != nil {
		return err
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, "mode=755,size=8m"); err != nil {
		return err
	}
	_, err := Start(context.Background(), Config{Product: target.MariaDB, Dir: filepath.Join(dir, "server"), Tuning: small})
	list, _ := os.ReadDir(dir) // none is what the test wants
	fmt.Fprintln(os.Stdout, strconv.Quote(fmt.Sprint(err)), len(list))
	return nil
}

// TestServerOnAFullDisk: one line that says so, and nothing is left.
func TestServerOnAFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		testenv.Lack(t, "mounting a file system needs root")
	}
	need(t, target.MariaDB)
	cmd := child(t, "full", openDir(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.TrimSpace(string(out))
	if !strings.Contains(got, "private server: make the data folder") || !strings.HasSuffix(got, " 0") || strings.Contains(got, `\n`) {
		t.Errorf("Start on a full disk says %s", got)
	}
	if !strings.Contains(strings.ToLower(got), "space") && !strings.Contains(got, "28") {
		t.Errorf("Start on a full disk does not name it: %s", got)
	}
}
