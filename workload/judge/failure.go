package judge

import "time"

// Grace is how long an engine may take to notice that a flush has failed which no
// commit waits for: it is told at once, but the thread that asked must get a processor
// to hear of it, while others go on acknowledging. A busy machine, or a control group
// whose quota is used up (it waits for the next period, of 100 ms by default), may keep
// it from one for this long and not be called a violation.
const Grace = 300 * time.Millisecond

// failure holds the acknowledgements against the flush that was made to fail and
// the first error that the engine gave. A client may have had one commit under way
// that an earlier flush had covered, and no more.
func (t *trial) failure() {
	o := &t.out
	f := t.State.Failure
	if f != nil && (f.At == 0 || f.At < t.Began) {
		o.Noticed, o.Failure = f.At, f.Text
	}
	s := t.State.Struck
	if s != 0 && s < t.Began && (o.Failure != "" || t.Began-s >= int64(Grace)) {
		o.Struck = s
	}
	at, why := t.lastAllowed()
	if at == 0 {
		return
	}
	for i := range t.State.Clients {
		n := int64(0)
		for _, a := range t.State.Clients[i].Acks {
			if a.At > at {
				n++
			}
		}
		if n > 1 {
			o.AckedAfter += n - 1
			o.violate("client %d: %d commits were acknowledged after the engine had failed (%s)", i, n-1, why)
		}
	}
}

// lastAllowed is from when on nothing may be acknowledged; 0: no failure. Where
// commits wait for flushes that is the flush that was made to fail. Else the
// engine must first have met it, and has Grace for that.
func (t *trial) lastAllowed() (at int64, why string) {
	if f := t.State.Failure; f != nil {
		at, why = f.At, f.Text
	}
	s := t.State.Struck
	switch late := s + int64(Grace); {
	case s == 0:
	case t.Subject.Engine.Commit.Policy.Flushes():
		at, why = s, "a flush was made to fail"
	case at == 0 || at > late:
		at, why = late, "a flush was made to fail, and it took no notice for "+Grace.String()
	}
	return at, why
}
