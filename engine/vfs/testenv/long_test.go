package testenv

import "testing"

// TestLong: -short leaves out what is long, and nothing else does.
func TestLong(t *testing.T) {
	ran := false
	t.Run("long", func(t *testing.T) {
		Long(t, "so that it can be left out")
		ran = true
	})
	if ran == testing.Short() {
		t.Errorf("with -short=%v it ran: %v", testing.Short(), ran)
	}
}
