package metrics

import "math/bits"

// GroupSizes counts commit groups by how many commits one flush covered. It
// belongs to whoever flushes: calls must be serialized by the caller.
type GroupSizes struct {
	groups  int64
	commits int64
	max     int64
	bucket  [65]GroupBucket // by bits.Len of the size
}

// GroupBucket counts the groups of Min to Max commits.
type GroupBucket struct {
	Min, Max        int64
	Groups, Commits int64
}

// Record counts one group of n commits. A flush that covered none is no group.
func (g *GroupSizes) Record(n int64) {
	if n <= 0 {
		return
	}
	g.groups++
	g.commits += n
	g.max = max(g.max, n)
	b := &g.bucket[bits.Len64(uint64(n))]
	b.Groups++
	b.Commits += n
}

// Groups returns how many groups had a commit.
func (g *GroupSizes) Groups() int64 { return g.groups }

// Commits returns the sum of all group sizes.
func (g *GroupSizes) Commits() int64 { return g.commits }

// Max returns the size of the largest group.
func (g *GroupSizes) Max() int64 { return g.max }

// Mean returns the mean group size, or 0 without a group.
func (g *GroupSizes) Mean() float64 {
	if g.groups == 0 {
		return 0
	}
	return float64(g.commits) / float64(g.groups)
}

// Buckets returns the buckets that hold a group, smallest sizes first: 1,
// 2 to 3, 4 to 7 and so on.
func (g *GroupSizes) Buckets() []GroupBucket {
	var out []GroupBucket
	for i, b := range g.bucket {
		if b.Groups > 0 {
			b.Min, b.Max = 1<<(i-1), 1<<i-1
			out = append(out, b)
		}
	}
	return out
}
