//go:build race

package driver

// raceEnabled: the race detector slows everything down some thirty times.
const raceEnabled = true
