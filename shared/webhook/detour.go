package webhook

import "time"

// Detour says that a webhook's events go by way of the queue instead of being sent as the stream brings them: it failed
// or was slow, and everybody behind it would wait for it. It is a hint, which may be lost or late: no state of a delivery
// depends on it. It stands beside the webhook, whose version is its partner's ETag and does not move with it. When it is
// over it is kept for a while, so that the next one lasts longer.
type Detour struct {
	// Since is when the webhook left the stream's path, At when something of this was last noted: if the detour is over,
	// when the webhook came back.
	Since, At time.Time
	// Took is how long an attempt takes: a moving mean, in which those that failed fast do not count.
	Took time.Duration
	// Fast counts the fast successes in a row, Need how many bring the webhook back.
	Fast, Need int
}

const (
	// SlowAfter is how long an attempt may take that is not slow.
	SlowAfter = time.Second
	// FastEnough is how many fast successes in a row end a webhook's first detour.
	FastEnough = 3
	// A webhook that leaves again within relapse of its return needs moreNeeded times as many as before, mostNeeded at most:
	// one that is slow now and then would otherwise cost the others a time-out each time.
	relapse    = 24 * time.Hour
	moreNeeded = 8
	mostNeeded = 1000
	// MaxInFlight is about how many first attempts of one slow webhook are under way at once: as many as a tenth of what
	// the retrier works on, which is also where the queue begins to prefer others' messages.
	MaxInFlight = 50
	// leastGap is the shortest pace that is worth a request for it.
	leastGap = 10 * time.Millisecond
	// meanOf is how many attempts the moving mean is about, and one part in worthStoring the least change of it that is
	// stored.
	meanOf, worthStoring = 4, 8
)

// Over tells whether the webhook is on the stream's path.
func (d *Detour) Over() bool { return d == nil || d.Fast >= d.Need }

// Gap is how far apart the first attempts of a slow webhook begin, so that no more than MaxInFlight are under way (Little's
// law); 0 if there is nothing to hold back.
func (d *Detour) Gap() time.Duration {
	if d.Over() {
		return 0
	}
	if gap := d.Took / MaxInFlight; gap >= leastGap {
		return gap
	}
	return 0
}

// Leave is the detour of a webhook that leaves the stream's path, by what is known of its last one: an attempt took so
// long, or failed. failedFast tells that took says nothing of how long it would have worked.
func (d *Detour) Leave(now time.Time, took time.Duration, failedFast bool) Detour {
	next := Detour{Since: now, At: now, Took: took, Need: FastEnough}
	if d == nil || d.Since.IsZero() {
		return next
	}
	next.Took = d.Took
	next.measure(took, failedFast)
	if !failedFast && now.Sub(d.At) < relapse { // who fails fast costs nobody anything
		next.Need = min(d.Need*moreNeeded, mostNeeded)
	}
	return next
}

// Note takes an attempt during the detour into account. It reports whether that is worth storing: a webhook that stays as
// it is, is not written again and again.
func (d *Detour) Note(now time.Time, took time.Duration, failed bool) bool {
	before := *d
	d.measure(took, failed && took < SlowAfter)
	if failed || took >= SlowAfter {
		d.Fast = 0
	} else {
		d.Fast++
	}
	if d.Fast == before.Fast && (d.Took-before.Took).Abs() <= before.Took/worthStoring {
		*d = before
		return false
	}
	d.At = now
	return true
}

func (d *Detour) measure(took time.Duration, failedFast bool) {
	if !failedFast {
		d.Took += (took - d.Took) / meanOf
	}
}
