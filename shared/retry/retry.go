// Package retry holds the ladder of attempts: pure functions of numbers and times.
package retry

import "time"

// MaxAttempts is how many attempts one round has: the first and five retries.
const MaxAttempts = 6

// MaxDelay is the longest delay an endpoint can ask for; it is also what SQS allows for one message.
const MaxDelay = 900 * time.Second

// ladder holds the delay before each retry; the source is the partner guide's "Our Retry Policy".
var ladder = [MaxAttempts - 1]time.Duration{
	1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second,
}

// Next returns how long after the end of a round's nth failed attempt (from 1) the next one is due; ok is false if the
// round is over. retryAfter is what the endpoint asked for, 0 if nothing: it may lengthen the delay up to MaxDelay and
// never shortens it.
func Next(finished int, retryAfter time.Duration) (delay time.Duration, ok bool) {
	if finished < 1 {
		return 0, true
	}
	if finished >= MaxAttempts {
		return 0, false
	}
	return max(ladder[finished-1], min(retryAfter, MaxDelay)), true
}
