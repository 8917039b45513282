package scenario

import (
	"math"
	"math/big"
	"strconv"
	"testing"
)

// TestMutantSizeNeverWraps holds that a size which does not fit is refused, also
// where the shifted number would come out positive again.
func TestMutantSizeNeverWraps(t *testing.T) {
	for unit, shift := range map[string]uint{"": 0, "k": 10, "M": 20, "G": 30, "T": 40} {
		for _, near := range []uint{53, 62, 63, 64, 65} {
			if near < shift {
				continue
			}
			for _, d := range []int64{-1, 0, 1} {
				n := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), near-shift), big.NewInt(d))
				want := new(big.Int).Lsh(n, shift)
				got, err := ParseSize(n.String() + unit)
				fits := want.IsInt64() && n.IsInt64()
				if (err == nil) != fits || fits && int64(got) != want.Int64() {
					t.Errorf("ParseSize(%v%s) = %d, %v; want %v, fits %v", n, unit, int64(got), err, want, fits)
				}
			}
		}
	}
	if got, err := ParseSize(strconv.Itoa(math.MaxInt64)); err != nil || got != math.MaxInt64 {
		t.Errorf("ParseSize(the largest) = %d, %v", got, err)
	}
}
