package scenario

import "slices"

// Nearest returns the legal name that an unknown one was probably meant to be, or ""
// where none is near.
func Nearest(name string, legal []string) string {
	best, least := "", 1+len(name)/3
	for _, n := range slices.Sorted(slices.Values(legal)) {
		if d := distance(name, n); d <= least && (best == "" || d < distance(name, best)) {
			best = n
		}
	}
	return best
}
