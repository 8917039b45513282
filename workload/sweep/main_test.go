package sweep

import (
	"os"
	"testing"

	"flushbench/engine/vfs/testenv"
)

// TestMain: simulated sweeps, each made to be looked at once.
func TestMain(m *testing.M) {
	testenv.FewCollections()
	os.Exit(m.Run())
}
