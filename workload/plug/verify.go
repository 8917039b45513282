package plug

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"flushbench/engine/vfs"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/durability"
	"flushbench/workload/judge"
	"flushbench/workload/process"
	"flushbench/workload/workdir"
)

// VerifyConfig says what is judged.
type VerifyConfig struct {
	Witness string // host:port
	Name    string // of the run
	Base    string // the folder that Load was given
}

// Finding is what became of a run.
type Finding struct {
	Name    string
	ID      ID
	Folder  string // with what the cut left; it is not changed
	Host    string // that the load ran on, and its disk
	Subject subject.Subject
	Rate    float64
	Opened  time.Time // by the witness's clock
	Heard   time.Time // likewise: the last report

	Acked   uint64        // commits that the witness has confirmed
	Loaded  time.Duration // from the begin of the load to the last report
	Reports uint64
	// Gap is the longest time between two of the last reports: about as long may
	// the end be of which nothing is known.
	Gap     time.Duration
	Failure string // what the engine met before the end; "": nothing
	// Restarted: the machine was started again since then. Else only the disk
	// can have been cut.
	Restarted bool

	Outcome judge.Outcome
}

// ErrNotCut is wrapped by Verify's error for a run of which nothing is to be judged:
// it never began, or its load ended by itself.
var ErrNotCut = errors.New("plug: nothing to judge")

// Verify compares what is on the disk with what the witness knows. It recovers a
// copy, which it removes again: what the cut left stays as it is.
func Verify(ctx context.Context, c VerifyConfig) (f *Finding, err error) {
	if err := CheckName(c.Name); err != nil {
		return nil, err
	}
	base, err := realPath(c.Base)
	if err != nil {
		return nil, err
	}
	m, err := readFolder(base, c.Name)
	if err != nil {
		return nil, err
	}
	s, reports, err := ask(ctx, c.Witness, m)
	if err != nil {
		return nil, err
	}
	about, err := decodeDescription(s.description)
	if err != nil {
		return nil, err
	}
	f = &Finding{
		Name: c.Name, ID: m.ID, Folder: runFolder(base, c.Name), Host: about.Host, Subject: about.Spec.Subject, Rate: about.Spec.Rate,
		Opened: s.opened, Heard: s.heard, Restarted: about.Boot == "" || about.Boot != process.Boot(),
	}
	f.count(reports)
	size, err := sizeOf(filepath.Join(f.Folder, dataFolder))
	if err != nil {
		return nil, err
	}
	dir, err := workdir.Acquire(ctx, workdir.Options{
		Base: base, Name: "plug", NeedBytes: size + size/4, ReserveBytes: -1, AllowVolatile: true, BesideLiveDatabase: true,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dir.Release()) }()
	copied, err := dir.Tree("copy")
	if err != nil {
		return nil, err
	}
	sub := about.Spec.Subject
	sub.Dir = filepath.Join(copied, dataFolder)
	if err := os.CopyFS(sub.Dir, os.DirFS(filepath.Join(f.Folder, dataFolder))); err != nil {
		return nil, fmt.Errorf("plug: copy what the cut left: %w", err)
	}
	f.Outcome = judgeRun(sub, vfs.NewOS(), reports)
	return f, nil
}

func realPath(base string) (string, error) {
	if base == "" {
		base = "."
	}
	path, err := filepath.Abs(base)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return "", &Refusal{fmt.Sprintf("plug: folder %s does not exist: its disk is not mounted, or it is another folder", base)}
	}
	if err != nil {
		return "", fmt.Errorf("plug: %w", err)
	}
	return path, nil
}

// ask fetches what the witness knows of a run, and holds it against the folder.
func ask(ctx context.Context, addr string, m *marker) (s summary, reports []*Report, err error) {
	w, err := dial(ctx, addr)
	if err != nil {
		return s, nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if w.witness != m.Witness {
		return s, nil, &Refusal{fmt.Sprintf("plug: the witness at %s is %s, this run was witnessed by %s: start that one, with its journal", addr, w.witness, m.Witness)}
	}
	if s, reports, err = w.fetch(m.ID); err != nil {
		return s, nil, err
	}
	switch {
	case s.id != m.ID || s.name != m.Name || string(s.description) != string(m.Description):
		return s, nil, fmt.Errorf("plug: the witness at %s describes run %q otherwise than the folder does", addr, m.Name)
	case s.ended != "":
		return s, nil, fmt.Errorf("%w: the load of run %q ended by itself at %s (%s): no plug was pulled", ErrNotCut, m.Name, s.heard.Format(time.TimeOnly), s.ended)
	case len(reports) == 0:
		return s, nil, fmt.Errorf("%w: the witness has no report of run %q: its load had not begun", ErrNotCut, m.Name)
	}
	return s, reports, nil
}

// gapReports is how many of the last reports Finding.Gap looks at.
const gapReports = 200

// count sums up what the reports say.
func (f *Finding) count(reports []*Report) {
	last := reports[len(reports)-1]
	f.Acked, f.Reports, f.Failure = last.Acked(), last.Number, last.Failure
	f.Loaded = time.Duration(last.At - last.Began)
	for i := max(1, len(reports)-gapReports); i < len(reports); i++ {
		f.Gap = max(f.Gap, time.Duration(reports[i].At-reports[i-1].At))
	}
}

// judgeRun judges what is in a folder by what was reported. It recovers there.
func judgeRun(s subject.Subject, disk vfs.FS, reports []*Report) judge.Outcome {
	last := reports[len(reports)-1]
	return judge.Judge(judge.Case{
		Subject: s, FS: disk, Kind: durability.Power, State: stateOf(reports),
		// Reports were sent before the cut, all of them.
		Frozen: true, Began: last.At, Ended: last.At,
	})
}

// maxAcks bounds the acknowledgements that stateOf gives a time, of all clients.
const maxAcks = 4 << 20

// stateOf is what a ledger would hold. What it cannot know is how far the clients
// had gone after the last report: any later sequence may be on the disk.
//
// Between two reports a client may have had several commits acknowledged; they get
// the time of the report before, which is too early: the age of a loss errs
// against the disk, by one report at most.
func stateOf(reports []*Report) *ledger.State {
	last := reports[len(reports)-1]
	s := &ledger.State{Config: ledger.Config{Clients: len(last.Lanes)}, Began: last.Began}
	if last.Sample != nil {
		s.Samples = []ledger.Sample{*last.Sample}
	}
	if last.Failure != "" {
		s.Failure = &ledger.Failure{At: last.FailedAt, Text: last.Failure}
	}
	most := uint64(max(1, maxAcks/len(last.Lanes)))
	for i, l := range last.Lanes {
		c := ledger.Client{Opened: true, Base: l.Base, Begun: math.MaxUint64, Acked: l.Acked}
		from := max(l.Base, reports[0].Lanes[i].Acked) // when these were, nobody knows any more
		if reports[0].Number == 1 {
			from = l.Base
		}
		c.First = max(from, l.Acked-min(l.Acked, most)) + 1
		at := last.Began
		for _, r := range reports {
			x := r.Lanes[i]
			for seq := c.First + uint64(len(c.Acks)); seq <= x.Acked; seq++ {
				a := ledger.Ack{At: at}
				if seq == x.Acked {
					a = ledger.Ack{At: x.At, End: x.End}
				}
				c.Acks = append(c.Acks, a)
			}
			at = max(at, x.At)
		}
		s.Clients = append(s.Clients, c)
	}
	return s
}

// sizeOf is how large the files in a folder are, together.
func sizeOf(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		n += info.Size()
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("plug: %w", err)
	}
	return n, nil
}
