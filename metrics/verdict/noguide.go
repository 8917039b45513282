package verdict

import "flushbench/metrics/result"

// NoGuide reports whether the throughput of a cell says nothing about a server, so
// that tables and pictures mark it: under policies 0 and 2 without pacing a bare log
// goes as fast as the CPU, the memory or the log's size allow. Cells with rows are
// never marked: what bounds them there are statements, locks and pages, which a
// server has too.
func NoGuide(c *result.Cell) bool {
	p := &c.Params
	if p.Policy == "1" || p.Policy == "3" || p.Load == result.LoadPaced || p.Rows > 0 {
		return false
	}
	switch c.Bound {
	case result.BoundCPU, result.BoundBandwidth, result.BoundLogBuffer, result.BoundLogCapacity:
		return true
	}
	return false
}
