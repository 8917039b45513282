package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestPublic: what a killed test left is cleaned and removed, what a living process
// or somebody else made stays.
func TestPublic(t *testing.T) {
	base := t.TempDir()
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(base, fmt.Sprintf("%s%d-1", publicPrefix, gone.Process.Pid))
	stays := []string{
		filepath.Join(base, fmt.Sprintf("%s%d-1", publicPrefix, os.Getpid())),
		filepath.Join(base, publicPrefix+"0-1"),
		filepath.Join(base, publicPrefix+"x-1"),
		filepath.Join(base, fmt.Sprintf("other-%d-1", gone.Process.Pid)),
	}
	for _, dir := range append(stays, left) {
		if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var cleaned []string
	dir, err := publicIn(base, func(dir string) {
		if _, err := os.Stat(filepath.Join(dir, "data")); err != nil {
			t.Errorf("cleaned too late: %v", err)
		}
		cleaned = append(cleaned, dir)
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{left}; !slices.Equal(cleaned, want) {
		t.Errorf("cleaned %q; want %q", cleaned, want)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("stat of what was left: %v; want that it is gone", err)
	}
	for _, dir := range append(stays, dir) {
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the new folder: %v, %v; want that all may enter", info, err)
	}
	if again, err := publicIn(base, nil); err != nil || again == dir {
		t.Errorf("a second one: %q, %v", again, err)
	}
}
