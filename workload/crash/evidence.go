package crash

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// EvidenceFolder is the folder beside result.json that holds what crashes left
// that were violations.
const EvidenceFolder = "evidence"

// maxEvidence bounds how many violations keep their evidence: it is as large as
// the logs are.
const maxEvidence = 5

// copyFolder copies the ordinary files and folders below from into a new folder
// to: what a crash left, before anybody recovers it. Blocks of zeros become
// holes. Links and the like are left out: no engine makes them.
func copyFolder(to, from string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return fmt.Errorf("crash: copy: %w", err)
	}
	root, err := os.OpenRoot(from)
	if err != nil {
		return fmt.Errorf("crash: copy: %w", err)
	}
	err = fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == ".":
			return nil
		case e.IsDir():
			return os.Mkdir(filepath.Join(to, path), 0o755)
		case !e.Type().IsRegular():
			return nil
		}
		return copyFile(root, path, filepath.Join(to, path))
	})
	if err = errors.Join(err, root.Close()); err != nil {
		return fmt.Errorf("crash: copy %s: %w", from, err)
	}
	return nil
}

// copyFile copies one file, with holes where it holds zeros.
func copyFile(root *os.Root, from, to string) (err error) {
	in, err := root.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	var buf, zeros [256 << 10]byte
	size := int64(0)
	for {
		n, err := io.ReadFull(in, buf[:])
		if n > 0 && !bytes.Equal(buf[:n], zeros[:n]) {
			if _, err := out.WriteAt(buf[:n], size); err != nil {
				return err
			}
		}
		size += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return out.Truncate(size)
		}
		if err != nil {
			return err
		}
	}
}
