package lesson

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"flushbench/engine/vfs"
	"flushbench/workload/writeback"
)

// heldRow is what the files of one growth on one kind of disk have shown.
type heldRow struct {
	place  *place // one of them
	growth vfs.Growth
	falls  []time.Duration // ages of the oldest byte as it was written back
	held   []time.Duration // of files whose first byte was never written back: at least so long
}

// heldRows gathers the files by file system, growth and timer. A disk that crashed
// before the kernel was due shows nothing here.
func (h *heldStory) heldRows() (rows []*heldRow) {
	for _, p := range h.places {
		if p.life < h.env.Scaled(heldLife) {
			continue
		}
		for _, l := range p.logs {
			i := slices.IndexFunc(rows, func(r *heldRow) bool {
				return r.place.name == p.name && r.growth == l.growth && r.place.timer == p.timer && r.place.here == p.here
			})
			if i < 0 {
				i, rows = len(rows), append(rows, &heldRow{place: p, growth: l.growth})
			}
			r := rows[i]
			for _, f := range l.Falls() {
				r.falls = append(r.falls, (f.Min+f.Max)/2)
			}
			if len(l.Falls()) == 0 && l.held > 0 {
				r.held = append(r.held, l.held)
			}
		}
	}
	return rows
}

// tables adds all tables.
func (h *heldStory) tables() {
	h.heldTable()
	h.crashTable()
	h.whoseTable()
	var asked int64
	var took time.Duration
	for _, p := range h.places {
		for _, l := range p.logs {
			n, each := l.Cost()
			asked, took = asked+n, took+time.Duration(n)*each
		}
	}
	if asked > 0 {
		each := took / time.Duration(asked)
		h.Figure("question_cost", float64(each), "ns", "one cachestat call, in the mean")
		h.Limit("Files on one file system meet the same looks of the kernel; each begins at another moment, so that it meets them at another age.")
		h.Limit("The page cache was asked every %s (%s questions, %.1f us each): ages are exact to that.", seconds(heldSample), thousands(asked), float64(each)/1e3)
	}
}

// heldTable compares what was measured with what the settings say.
func (h *heldStory) heldTable() {
	var rows [][]string
	inside, judged := 0, 0
	for _, r := range h.heldRows() {
		says, timer := "as the timer", "none"
		if r.place.timer > 0 {
			timer = seconds(r.place.timer)
		} else {
			x := writeback.Predict(r.place.settings, r.place.load(r.growth))
			says = rangeWords(x.WrittenBack)
			for _, f := range r.falls {
				judged++
				if x.WrittenBack.Holds(f, heldSlack) || x.Partly != nil && x.Partly.Holds(f, heldSlack) {
					inside++
				}
			}
			h.heldFigures(r, x.WrittenBack)
		}
		rows = append(rows, []string{r.place.name, r.growth.String(), timer, trialsWords(r), spanWords(r.falls, r.held), says})
	}
	h.Table("How old the oldest byte was when it was written back: median (lowest..highest)", []string{"files on", "growth", "timer", "trials", "measured", "settings say"}, rows...)
	if judged > 0 {
		h.Figure("within_prediction", float64(inside)/float64(judged), "", "share of the write-backs without a timer")
		h.Step("%d of %d write-backs came when the settings say.", inside, judged)
		h.partly()
	}
}

// heldSlack is what a write-back may take beyond the moment when it is due: its own
// time on a disk that others use too, and the look of the sampler.
const heldSlack = time.Second

func (h *heldStory) heldFigures(r *heldRow, x writeback.Range) {
	name := figureName(r.place.name + " " + r.growth.String())
	if len(r.falls) > 0 {
		h.Figure("written_back_"+name, float64(middleAge(r.falls)), "ns", fmt.Sprintf("median of %d; the settings say %s", len(r.falls), rangeWords(x)))
		h.Figure("trials_"+name, float64(len(r.falls)), "", "write-backs seen")
	}
}

// crashTable says what the crashes took.
func (h *heldStory) crashTable() {
	var rows [][]string
	inside, judged := 0, 0
	for _, p := range h.places {
		for _, growth := range []vfs.Growth{vfs.GrowZero, vfs.GrowAppend} {
			var gone, n int
			var lost, held time.Duration
			for _, l := range p.logs {
				if l.growth == growth {
					n++
					gone, lost, held = gone+l.gone, max(lost, l.lost), max(held, l.held)
				}
			}
			if n == 0 || p.here {
				continue
			}
			oldest, says := "-", "as the timer"
			if gone > 0 {
				oldest = seconds(lost)
			}
			name := p.name
			if p.timer > 0 {
				name += ", timer"
			} else {
				x := p.survives(growth)
				says = upTo(x)
				judged++
				if lost <= x.Hi+heldSlack || x.Never {
					inside++
				}
			}
			rows = append(rows, []string{crashShort(p.kind), name, growth.String(), seconds(p.life), thousands(gone), oldest, seconds(held), says})
		}
	}
	if len(rows) > 0 {
		h.Table("What crashes took: the oldest record gone, the oldest that the page cache still held", []string{"crash", "files on", "growth", "after", "gone", "oldest", "cached", "settings say"}, rows...)
		h.Figure("crashes_within_prediction", float64(inside)/float64(max(judged, 1)), "", "share of the crashes without a timer, by growth")
	}
}

// survives is how old records may become that the place's crash takes.
func (p *place) survives(g vfs.Growth) writeback.Range {
	x := writeback.Predict(p.settings, p.load(g))
	r := x.Reachable
	if p.kind == vfs.CrashPower {
		r = x.Flushed
	}
	if x.Partly != nil {
		r.Hi = max(r.Hi, x.Partly.Hi)
	}
	return r
}

// upTo writes the end of a prediction.
func upTo(r writeback.Range) string {
	if r.Never {
		return "any age"
	}
	return "up to " + seconds(r.Hi)
}

// crashShort names a crash in a table.
func crashShort(k vfs.CrashKind) string {
	if k == vfs.CrashOS {
		return "kernel"
	}
	return k.String()
}

// whoseTable says whose the seconds of the folklore are.
func (h *heldStory) whoseTable() {
	s := h.places[0].settings
	rows := [][]string{
		{"1 s", "the server's timer, innodb_flush_log_at_timeout", h.seen(func(r *heldRow) bool { return r.place.timer > 0 })},
		{"5 s", "vm.dirty_writeback_centisecs: the kernel looks so often", settingWords(s.Interval)},
		{"5 s", "ext4's commit=: its journal; new blocks too with nodelalloc", h.seen(func(r *heldRow) bool { return r.place.name == "ext4, nodelalloc" })},
		{"30 s", "vm.dirty_expire_centisecs: so old is old enough", settingWords(s.Expire)},
	}
	for _, p := range h.places {
		if p.settings.FSType == "xfs" {
			rows = append(rows, []string{"30 s", "fs.xfs.xfssyncd_centisecs: XFS's journal", settingWords(p.settings.Commit)})
			break
		}
	}
	h.Table("Whose seconds these are", []string{"folklore", "whose it is", "here"}, rows...)
}

// seen is the median of the write-backs in the rows that match.
func (h *heldStory) seen(match func(*heldRow) bool) string {
	var falls []time.Duration
	for _, r := range h.heldRows() {
		if match(r) {
			falls = append(falls, r.falls...)
		}
	}
	if len(falls) == 0 {
		return "not measured"
	}
	return seconds(middleAge(falls))
}

func settingWords(d time.Duration) string {
	if d <= 0 {
		return "off or unknown"
	}
	return seconds(d)
}

// rangeWords writes a prediction.
func rangeWords(r writeback.Range) string {
	switch {
	case r.Never:
		return "never"
	case r.Lo == 0:
		return "up to " + seconds(r.Hi)
	}
	return fmt.Sprintf("%.4g..%.4g s", r.Lo.Seconds(), r.Hi.Seconds())
}

// trialsWords counts the write-backs, and the files that saw none.
func trialsWords(r *heldRow) string {
	if len(r.held) == 0 {
		return fmt.Sprint(len(r.falls))
	}
	return fmt.Sprintf("%d, %d none", len(r.falls), len(r.held))
}

// spanWords writes a median with its range, or how long nothing happened.
func spanWords(falls, held []time.Duration) string {
	switch {
	case len(falls) > 0:
		return fmt.Sprintf("%.3g s (%.3g..%.3g)", middleAge(falls).Seconds(), slices.Min(falls).Seconds(), slices.Max(falls).Seconds())
	case len(held) > 0:
		return fmt.Sprintf("over %.3g s", slices.Min(held).Seconds())
	}
	return "-"
}

// middleAge is the middle of some durations, which are not none.
func middleAge(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// figureName makes words the name of a figure.
func figureName(words string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(words), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "_")
}
