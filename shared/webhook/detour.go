package webhook

import "time"

// Detour says that a webhook's events go by way of the queue instead of being sent as the stream brings them: it failed
// or was slow, and everybody behind it would wait for it. It is a hint, which may be lost or late: no state of a delivery
// depends on it. It stands beside the webhook, whose version is its partner's ETag and does not move with it.
type Detour struct {
	// Since is when the webhook left the stream's path.
	Since time.Time
	// Took is how long an attempt takes: the last one that failed or was slow.
	Took time.Duration
	// Fast counts the fast successes in a row. With FastEnough of them the detour is over.
	Fast int
}

const (
	// SlowAfter is how long an attempt may take that is not slow.
	SlowAfter = time.Second
	// FastEnough is how many fast successes in a row bring a webhook back to the stream's path.
	FastEnough = 3
	// MaxInFlight is about how many first attempts of one slow webhook are under way at once: as many as a tenth of what
	// the retrier works on, which is also where the queue begins to prefer others' messages.
	MaxInFlight = 50
)

// Over tells whether the webhook is back on the stream's path.
func (d *Detour) Over() bool { return d == nil || d.Fast >= FastEnough }

// Gap is how far apart the first attempts of a slow webhook begin, so that no more than MaxInFlight are under way (Little's
// law); 0 if there is nothing to hold back.
func (d *Detour) Gap() time.Duration {
	if d.Over() || d.Took < SlowAfter {
		return 0
	}
	return d.Took / MaxInFlight
}
