package browser

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestFolder: what a killed test has left goes before the next browser starts, and what
// a living one uses stays.
func TestFolder(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	left := fmt.Sprintf("/tmp/%s%d-1", prefix, gone.Process.Pid)
	if err := os.MkdirAll(filepath.Join(left, "home"), 0o700); err != nil {
		t.Fatal(err)
	}
	var mine []string
	for range 2 { // a test may have two browsers
		dir, err := folder()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		mine = append(mine, dir)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("%s, whose process is gone: %v; want it removed", left, err)
		_ = os.RemoveAll(left)
	}
	for _, dir := range mine {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("of a living process: %v", err)
		}
	}
}
