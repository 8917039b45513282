package plug

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"flushbench/engine/vfs"
	"flushbench/workload/crash/victim"
)

// Folder is the name of the folder, below the one that the user names, that has a
// folder for each run. It is none of the work folders that are cleaned up by
// themselves: what lies there is what a cut left, until somebody removes it.
const Folder = "flushbench-plug"

const (
	markerName = "plug.json"
	dataFolder = "data"
)

// description is what a load is, for the one who judges.
type description struct {
	Spec victim.Spec
	Boot string // that the machine was in; "": unknown
	Host string // what machine and disk, in words
	Tool string // version
}

// encode leaves out what means nothing elsewhere: interfaces and functions.
func (d description) encode() ([]byte, error) {
	d.Spec.Engine.FS, d.Spec.Engine.Observer, d.Spec.Engine.Commit.Observer = nil, nil, nil
	d.Spec.Database.Options, d.Spec.Database.Binlog.Observer = d.Spec.Engine, nil
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(d); err != nil {
		return nil, fmt.Errorf("plug: describe the load: %w", err)
	}
	if b.Len() > maxDescription {
		return nil, fmt.Errorf("plug: describe the load: %d bytes: must be at most %d", b.Len(), maxDescription)
	}
	return b.Bytes(), nil
}

func decodeDescription(b []byte) (d description, err error) {
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&d); err != nil {
		return d, fmt.Errorf("plug: description of the load: %w", err)
	}
	return d, d.Spec.Validate()
}

// marker says in a run's folder whose it is.
type marker struct {
	Version     int    `json:"version"`
	Name        string `json:"name"`
	ID          ID     `json:"id"`
	Witness     ID     `json:"witness"`
	Description []byte `json:"description"`
}

// runFolder is where the files of a run are.
func runFolder(base, name string) string { return filepath.Join(base, Folder, name) }

// makeFolder makes the folder of a run, with its marker and an empty folder for
// the engine. All of it is flushed when it returns; after an error it is gone again.
func makeFolder(base string, m *marker) error {
	disk := vfs.NewOS()
	folder := runFolder(base, m.Name)
	if err := disk.Mkdir(filepath.Dir(folder)); err != nil && !errors.Is(err, vfs.ErrExist) {
		return fmt.Errorf("plug: %w", err)
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return fmt.Errorf("plug: %w", err)
	}
	err := writeMarker(folder, m)
	if err == nil {
		err = os.Mkdir(filepath.Join(folder, dataFolder), 0o755)
	}
	for _, dir := range []string{folder, filepath.Dir(folder), base} {
		if err == nil {
			err = disk.SyncDir(dir)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("plug: make %s: %w", folder, err), removeFolder(base, m.Name))
	}
	return nil
}

// writeMarker makes the marker in a run's folder, flushed.
func writeMarker(folder string, m *marker) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(folder, markerName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// flushTree flushes all files and folders below dir, and dir's own name.
func flushTree(dir string) error {
	disk := vfs.NewOS()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return disk.SyncDir(path)
		case !e.Type().IsRegular():
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
	if err = errors.Join(err, disk.SyncDir(filepath.Dir(dir))); err != nil {
		return fmt.Errorf("plug: flush %s: %w", dir, err)
	}
	return nil
}

// readFolder reads the marker of a run. errNoRun: there is none.
func readFolder(base, name string) (*marker, error) {
	folder := runFolder(base, name)
	text, err := os.ReadFile(filepath.Join(folder, markerName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w %q in %s: it is another folder, its disk is not mounted, or that disk has lost what was flushed before the load began", errNoRun, name, base)
	}
	if err != nil {
		return nil, fmt.Errorf("plug: %w", err)
	}
	m := new(marker)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("plug: %s of %s is damaged, although it was flushed before the load began: %w", markerName, folder, err)
	}
	if m.Version != protocolVersion || m.Name != name {
		return nil, fmt.Errorf("plug: %s: run %q of version %d: want %q of version %d", folder, m.Name, m.Version, name, protocolVersion)
	}
	return m, nil
}

// errNoRun is wrapped where the folder of a run is missing.
var errNoRun = errors.New("plug: there is no run")

// IsMissing reports whether an error of Verify or Remove says that there is no
// folder of that run. It was there, and flushed, before the load began.
func IsMissing(err error) bool { return errors.Is(err, errNoRun) }

// Remove removes the files of a run.
func Remove(base, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if _, err := readFolder(base, name); err != nil {
		return err
	}
	return removeFolder(base, name)
}

// removeFolder removes a run's folder, and the one above it if it is empty then.
func removeFolder(base, name string) error {
	if err := os.RemoveAll(runFolder(base, name)); err != nil {
		return fmt.Errorf("plug: %w", err)
	}
	_ = os.Remove(filepath.Join(base, Folder)) // other runs may be in it
	return nil
}
