package probe

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
)

// Defaults and limits of Config.
const (
	DefaultDuration = 20 * time.Second
	DefaultRounds   = 5
	MaxRounds       = 100
	MaxDuration     = time.Hour
	MinSize         = 512
	MaxSize         = 16 << 20
	// MainSize is the size that the screen shows for every method, and that
	// checks and advice are made from.
	MainSize = 4096

	// A gentle probe: so many flushes a second, for so long.
	GentleRate     = 20
	GentleDuration = 10 * time.Second

	// MinFileBytes and MaxFileBytes bound Config.FileBytes.
	MinFileBytes = 1 << 20
	MaxFileBytes = 1 << 40

	// DefaultFill is how much is written at once to fill the buffered file.
	// It matters: filled 1 MiB at a time, the file takes about a sixth fewer
	// 4 KiB flushes a second than filled page by page, as fio does (ext4, Linux
	// 6.18; the page cache's large folios may be the cause).
	DefaultFill = 4096
	MaxFill     = 64 << 20

	fileBytes   = 64 << 20
	gentleBytes = MinFileBytes // of the file of a gentle probe

	// gentleSlices is how often a gentle probe tells how far it is.
	gentleSlices = 10
)

// DefaultSizes are the write sizes of a probe, in bytes.
func DefaultSizes() []int64 {
	return []int64{512, MainSize, 16 << 10, 64 << 10, 256 << 10, 1 << 20}
}

// Ops are the legal values of Config.Ops.
func Ops() []string { return []string{result.OpOverwrite, result.OpAppend} }

// Config says what a probe measures. The zero value is the default probe of
// the current folder.
type Config struct {
	Dir       string        // an existing folder; "" is the current one
	Methods   []vfs.Method  // none: all
	Sizes     []int64       // bytes of a write, MinSize to MaxSize; none: DefaultSizes
	Ops       []string      // none: Ops()
	Duration  time.Duration // of all measuring together; 0: DefaultDuration, GentleDuration when gentle
	Rounds    int           // 0: DefaultRounds; each cell is measured in every round
	Seed      uint64        // orders the cells of a round
	FileBytes int64         // of each overwritten file; 0: 64 MiB, as fio's --size=64m
	FillBytes int64         // of the writes that fill the buffered file; 0: DefaultFill
	SamePlace bool          // overwrite always the same place, as pg_test_fsync does
	NoPages   bool          // leave the page cells out
	Gentle    bool          // one method (the first of Methods, fdatasync) at GentleRate flushes a second

	MaxWriteBytes      int64 // 0: no limit
	AllowVolatile      bool  // accept a memory file system
	BesideLiveDatabase bool  // go on although a database server uses the device; a gentle probe always does

	ToolVersion string
	CommandLine []string

	// FS takes the place of the operating system's files, for wrappers.
	FS vfs.FS
	// Planned is called once before anything is written, nil for nobody.
	Planned func(Plan) `json:"-"`
	// Progress is called now and then from the measuring goroutine between
	// two slices: the share that is done, how long the rest takes, what comes
	// next.
	Progress func(done float64, left time.Duration, what string) `json:"-"`
}

// Validate fills in the defaults and says what is out of range.
func (c *Config) Validate() error {
	if c.Dir == "" {
		c.Dir = "."
	}
	if len(c.Methods) == 0 {
		c.Methods = vfs.Methods.All()
	}
	if len(c.Sizes) == 0 {
		c.Sizes = DefaultSizes()
	}
	if len(c.Ops) == 0 {
		c.Ops = Ops()
	}
	if c.Rounds == 0 {
		c.Rounds = DefaultRounds
	}
	if c.FileBytes == 0 {
		c.FileBytes = max(fileBytes, 4*slices.Max(c.Sizes))
	}
	if c.FillBytes == 0 {
		c.FillBytes = DefaultFill
	}
	if c.FS == nil {
		c.FS = vfs.NewOS()
	}
	if c.Gentle {
		c.beGentle()
	}
	if c.Duration == 0 {
		c.Duration = DefaultDuration
	}
	return c.check()
}

// beGentle narrows everything to a few small flushes.
func (c *Config) beGentle() {
	if slices.Equal(c.Methods, vfs.Methods.All()) {
		c.Methods = []vfs.Method{vfs.Fdatasync}
	}
	c.Methods, c.Sizes, c.Ops = c.Methods[:1], []int64{MainSize}, []string{result.OpOverwrite}
	c.Rounds, c.FileBytes = gentleSlices, gentleBytes
	c.BesideLiveDatabase = true
	if c.Duration == 0 {
		c.Duration = GentleDuration
	}
}

func (c *Config) check() error {
	if c.Duration < 0 || c.Duration > MaxDuration {
		return fmt.Errorf("probe: duration %v: must be above 0 and at most %v", c.Duration, MaxDuration)
	}
	if c.Rounds < 1 || c.Rounds > MaxRounds {
		return fmt.Errorf("probe: %d rounds: must be 1 to %d", c.Rounds, MaxRounds)
	}
	if least := max(MinFileBytes, 2*slices.Max(c.Sizes)); c.FileBytes < least || c.FileBytes > MaxFileBytes || c.FileBytes%page != 0 {
		return fmt.Errorf("probe: file of %d bytes: must be a multiple of %d from %d to %d", c.FileBytes, page, least, int64(MaxFileBytes))
	}
	if c.FillBytes < page || c.FillBytes > MaxFill || c.FillBytes%page != 0 {
		return fmt.Errorf("probe: fill by writes of %d bytes: must be a multiple of %d up to %d", c.FillBytes, page, int64(MaxFill))
	}
	if c.MaxWriteBytes < 0 {
		return fmt.Errorf("probe: write limit of %d bytes: must be 0 (none) or more", c.MaxWriteBytes)
	}
	for _, m := range c.Methods {
		if _, err := m.MarshalText(); err != nil {
			return fmt.Errorf("probe: %w: legal values are %s", err, strings.Join(vfs.Methods.Names(), ", "))
		}
	}
	for _, n := range c.Sizes {
		if n < MinSize || n > MaxSize {
			return fmt.Errorf("probe: size of %d bytes: must be %d to %d", n, MinSize, MaxSize)
		}
	}
	for _, op := range c.Ops {
		if !slices.Contains(Ops(), op) {
			return fmt.Errorf("probe: unknown operation %q: legal values are %s", op, strings.Join(Ops(), ", "))
		}
	}
	return nil
}

// mainSize is the size that checks, advice and the screen's first table use.
func (c *Config) mainSize() int64 {
	if slices.Contains(c.Sizes, MainSize) {
		return MainSize
	}
	return c.Sizes[0]
}
