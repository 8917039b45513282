package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"flushbench/metrics/hostinfo"
)

// Cleanup removes what a killed process left in dir: mounts, loop devices,
// images, as its state file names them, and nothing else. It returns what it
// removed, one phrase each. A folder without a state file, or none, is no error.
// A folder that a living process uses is one.
func Cleanup(dir string) (removed []string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("lab: clean up: %w", err)
	}
	// The kernel shows mount points with symbolic links resolved.
	if dir, err = filepath.EvalSymlinks(dir); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("lab: clean up: %w", err)
	}
	s, err := openState(dir)
	if s == nil || err != nil {
		return nil, err
	}
	removed, err = s.removeAll(dir)
	return removed, errors.Join(err, s.f.Close())
}

// removeAll removes what the state file lists from dir, a path without symbolic
// links, and at last the state file. After an error it can be called again.
func (s *stateFile) removeAll(dir string) (removed []string, err error) {
	for _, point := range []string{innerPoint, outerPoint} {
		if !s.made.has(wordMount, point) {
			continue
		}
		did, err := s.unmountOurs(dir, point)
		removed = append(removed, did...)
		if err != nil {
			return removed, err
		}
	}
	// What is mounted there all the same is somebody else's, and so are its files.
	if others := hostinfo.MountsBelow(dir); len(others) > 0 {
		return removed, fmt.Errorf("lab: clean up %s: %s is mounted there and not ours; unmount it first", dir, others[0])
	}
	did, err := s.removeFiles(dir)
	removed = append(removed, did...)
	if err != nil {
		return removed, err
	}
	if err := errors.Join(os.Remove(s.f.Name()), flushFolder(dir)); err != nil {
		return removed, fmt.Errorf("lab: clean up: %w", err)
	}
	return removed, nil
}

// removeFiles removes images, mount points and folders.
func (s *stateFile) removeFiles(dir string) (removed []string, err error) {
	for _, name := range s.made.entries[wordFile] {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			continue // announced and not made, or removed already
		}
		if err := waitDetached(context.Background(), path); err != nil {
			return removed, err
		}
		if err := os.Remove(path); err != nil {
			return removed, fmt.Errorf("lab: clean up: %w", err)
		}
		removed = append(removed, "image "+path)
	}
	for _, name := range s.made.entries[wordMount] {
		// Not with its contents: they would be somebody else's.
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return removed, fmt.Errorf("lab: clean up: %w", err)
		}
	}
	for _, name := range s.made.entries[wordFolder] {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return removed, fmt.Errorf("lab: clean up: %w", err)
		}
		removed = append(removed, "folder "+path)
	}
	return removed, nil
}

// unmountOurs unmounts what is on a mount point, if it is the image or the
// device that the state file means.
func (s *stateFile) unmountOurs(dir, name string) (removed []string, err error) {
	point := filepath.Join(dir, name)
	for {
		m, ok := mountAt(point)
		if !ok {
			return removed, nil
		}
		if err := s.isOurs(dir, name, m); err != nil {
			return removed, err
		}
		if err := unmount(context.Background(), point); err != nil {
			return removed, err
		}
		removed = append(removed, fmt.Sprintf("mount %s (%s on %s)", point, m.Type, m.Source))
	}
}

// mountAt returns the topmost mount on a path.
func mountAt(point string) (hostinfo.Mount, bool) {
	for _, m := range slices.Backward(hostinfo.Mounts()) {
		if m.Point == point {
			return m, true
		}
	}
	return hostinfo.Mount{}, false
}

// isOurs returns an error unless the mount is of what the state file means. The
// number of a loop device proves nothing, the file that it stands on does.
func (s *stateFile) isOurs(dir, name string, m hostinfo.Mount) error {
	if s.made.device != "" && name == innerPoint {
		if m.Dev != s.made.device {
			return fmt.Errorf("lab: clean up %s: device %s is mounted there, not %s as the state file says; unmount it first", m.Point, m.Dev, s.made.device)
		}
		return nil
	}
	image := filepath.Join(dir, innerImage)
	switch {
	case name == outerPoint:
		image = filepath.Join(dir, outerImage)
	case s.made.has(wordMount, outerPoint):
		image = filepath.Join(dir, outerPoint, innerImage)
	}
	want, err := identify(image)
	if err != nil {
		return err
	}
	device, err := deviceOf(m.Dev)
	if err != nil {
		return err
	}
	if got, ok := backingOf(device); !ok || got != want {
		return fmt.Errorf("lab: clean up %s: %s is mounted there, which does not stand on %s; unmount it first", m.Point, device, image)
	}
	return nil
}

// deviceOf returns the path of the block device with a number, major:minor.
func deviceOf(number string) (string, error) {
	target, err := os.Readlink("/sys/dev/block/" + number)
	if err != nil {
		return "", fmt.Errorf("lab: block device %s: %w", number, err)
	}
	return "/dev/" + filepath.Base(target), nil
}
