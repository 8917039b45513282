package verdict

import (
	"os"
	"testing"

	"flushbench/engine/vfs/testenv"
)

// TestMain: thousands of results are made, each to be looked at once.
func TestMain(m *testing.M) {
	testenv.FewCollections()
	os.Exit(m.Run())
}
