package metrics

// Window is the measured interval [From, Until) in nanoseconds of the
// caller's clock. What is acknowledged outside it is warm-up or drain.
type Window struct {
	From, Until int64
}

// Contains reports whether t lies in the window.
func (w Window) Contains(t int64) bool { return t >= w.From && t < w.Until }

// Length returns Until - From in nanoseconds.
func (w Window) Length() int64 { return w.Until - w.From }

// Seconds returns the length of the window in seconds.
func (w Window) Seconds() float64 { return float64(w.Length()) / 1e9 }

// Bucket returns how long the buckets of a series over the window are, in nanoseconds,
// where asked is wanted (0: a second): longer ones where that would be too many.
func (w Window) Bucket(asked int64) int64 {
	if asked <= 0 {
		asked = DefaultBucketNS
	}
	if length := max(w.Length(), 1); length/asked >= maxBuckets {
		return length/maxBuckets + 1
	}
	return asked
}

// Buckets returns how many buckets of that length the window has; the last one may be
// shorter. REQUIRES: bucketNS > 0.
func (w Window) Buckets(bucketNS int64) int {
	return int((max(w.Length(), 0) + bucketNS - 1) / bucketNS)
}
