package hostinfo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fixture lays out the machine that testdata/name.txt describes and returns
// it as a Source; p is what the kernel would say about the measured folder.
func fixture(t *testing.T, name string, p PathFacts) Source {
	t.Helper()
	s, _ := fixtureRoot(t, name, p)
	return s
}

// fixtureRoot is fixture and the folder that stands for "/", to add to it.
func fixtureRoot(t *testing.T, name string, p PathFacts) (Source, string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	layOut(t, root, string(b))
	return Source{
		Root:   os.DirFS(root),
		Path:   func(string) (PathFacts, error) { return p, nil },
		Run:    func(context.Context, string, ...string) (string, error) { return "", errors.New("no such command") },
		Memory: func(context.Context) int64 { return 8 << 30 },
		Load:   func(context.Context) float64 { return 0 },
	}, root
}

// layOut writes files below root. "-- path --" begins a file, "-- path -> target --"
// is a symbolic link.
func layOut(t *testing.T, root, text string) {
	t.Helper()
	for part := range strings.SplitSeq("\n"+text, "\n-- ") {
		head, body, _ := strings.Cut(part, "\n")
		name, ok := strings.CutSuffix(head, " --")
		if !ok {
			continue
		}
		name, target, isLink := strings.Cut(name, " -> ")
		file := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if err == nil && isLink {
			err = os.Symlink(target, file)
		} else if err == nil {
			err = os.WriteFile(file, []byte(body), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
