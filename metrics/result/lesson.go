package result

// What became of a lesson's claim: what Lesson.Outcome may say.
const (
	LessonHolds       = "holds"             // what was measured here agrees with the claim
	LessonDoesNotHold = "does not hold"     // what was measured here contradicts it
	LessonNotTestable = "not testable here" // this disk or this user cannot decide it; Why says why
)

// LessonOutcomes returns every legal outcome.
func LessonOutcomes() []string {
	return []string{LessonHolds, LessonDoesNotHold, LessonNotTestable}
}

// Lesson is a story that took one safeguard away and what that cost, told and
// judged.
type Lesson struct {
	Name  string `json:"name"`  // as in flushbench lesson NAME
	Title string `json:"title"` // one line
	Claim string `json:"claim"` // the sentence that people repeat
	Rule  string `json:"rule"`  // what decides it, one sentence
	// Outcome is what became of the claim here, see LessonOutcomes; Measured what was
	// measured, in one sentence or two, "" where nothing could be; Why what follows from
	// that, or what was missing.
	Outcome  string `json:"outcome"`
	Measured string `json:"measured"`
	Why      string `json:"why"`
	// Limits say what could not be shown here, a line each.
	Limits  []string       `json:"limits,omitempty"`
	Steps   []LessonStep   `json:"steps"`
	Tables  []LessonTable  `json:"tables,omitempty"`
	Figures []LessonFigure `json:"figures,omitempty"` // for programs; the story says them in words
	Advice  string         `json:"advice"`            // the setting that would have kept what was lost; "" without one
	Crashes []LessonCrash  `json:"crashes,omitempty"` // all that were made
	// DurationS is how long it took, in seconds.
	DurationS float64 `json:"duration_s"`
}

// LessonStep is a line of the story.
type LessonStep struct {
	AtNS int64  `json:"at_ns"` // since the lesson began
	Text string `json:"text"`
}

// LessonTable is a small table: Head names the columns, and each row has as many
// cells.
type LessonTable struct {
	Title string     `json:"title"`
	Head  []string   `json:"head"`
	Rows  [][]string `json:"rows"`
}

// LessonFigure is one number that a lesson measured.
type LessonFigure struct {
	Name  string  `json:"name"` // lower case, words joined by "_"; unique in the lesson
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // "commits", "ns", "bytes", ...; "" of a ratio
	Note  string  `json:"note,omitempty"`
}

// LessonCrash counts the crashes of one kind in one place.
type LessonCrash struct {
	Kind       string `json:"kind"`       // process, os, power
	Filesystem string `json:"filesystem"` // its type, or LessonMemory
	Count      int    `json:"count"`
}

// LessonMemory is LessonCrash.Filesystem of the in-memory disk that crashes on
// command.
const LessonMemory = "in-memory disk"

// Figure returns the value of the figure with that name.
func (l *Lesson) Figure(name string) (value float64, ok bool) {
	for i := range l.Figures {
		if l.Figures[i].Name == name {
			return l.Figures[i].Value, true
		}
	}
	return 0, false
}
