package webhook

import (
	"cmp"
	"time"
)

// DefaultOverlapHours is how long both secrets of a rotation are in use unless its caller says otherwise.
const DefaultOverlapHours = 24

// rotationNotice is how long before its end a rotation is pointed out.
const rotationNotice = 6 * time.Hour

// RotationAt returns the rotation that is under way at now, nil if there is none. One that has ended by its time reads
// as none: nothing is written when it ends.
func (w *Webhook) RotationAt(now time.Time) *Rotation {
	if w.Rotation == nil || !now.Before(w.Rotation.EndsAt) {
		return nil
	}
	return w.Rotation
}

// SigningKeys returns the secrets that sign a request at now: without a rotation the one there is, during the overlap
// the old one and the new one, after it the new one alone. next is empty unless a rotation is under way.
func (w *Webhook) SigningKeys(s Secrets, now time.Time) (current, next string) {
	switch {
	case w.Rotation == nil || s.Next == "":
		return s.Signing, ""
	case w.RotationAt(now) == nil:
		return s.Next, ""
	default:
		return s.Signing, s.Next
	}
}

// HintAt returns what may be shown of the current one of SigningKeys.
func (w *Webhook) HintAt(now time.Time) string {
	if w.Rotation != nil && w.RotationAt(now) == nil {
		return w.Rotation.SecretHint
	}
	return w.SecretHint
}

// Settle makes a rotation that has ended by its time the stored state: it returns the secrets without the old one. It
// changes nothing that can be seen, so it needs no write of its own; whoever seals the secrets anew calls it before.
// Like all changes below, that of w and the secrets returned must be stored together or not at all.
func (w *Webhook) Settle(s Secrets, now time.Time) Secrets {
	if w.Rotation == nil || w.RotationAt(now) != nil {
		return s
	}
	return w.single(s, newer(s))
}

// StartRotation makes next the new secret for an overlap that lasts at least as long as given; it ends on a whole
// second. Without an overlap next takes the present one's place at once. During a rotation it is refused with Conflict,
// unless replace is set: then next takes the new secret's place, the overlap starts anew, and the old one stays the
// current one. A secret that is in use already is Invalid. Whatever is refused changes nothing.
func (w *Webhook) StartRotation(s Secrets, next string, overlap time.Duration, replace bool, now time.Time) (Secrets, error) {
	if w.RotationAt(now) != nil && !replace {
		return s, Errorf(Conflict, "A rotation of the secret is under way. Complete or cancel it, or send replace: true.")
	}
	if current, pending := w.SigningKeys(s, now); next == current || next == pending {
		return s, FieldErrorf("body.secret", "is the secret in use already; choose another one")
	}
	s = w.Settle(s, now)
	if overlap <= 0 {
		s = w.single(s, next)
	} else {
		s.Next = next
		w.Rotation = &Rotation{EndsAt: now.Add(overlap + time.Second - 1).Truncate(time.Second), SecretHint: HintOf(next)}
	}
	w.secretEdited(now)
	return s, nil
}

// CompleteRotation makes the new secret take the old one's place at once. Conflict if no rotation is under way.
func (w *Webhook) CompleteRotation(s Secrets, now time.Time) (Secrets, error) {
	return w.endRotation(s, newer(s), now)
}

// CancelRotation discards the new secret. Conflict if no rotation is under way.
func (w *Webhook) CancelRotation(s Secrets, now time.Time) (Secrets, error) {
	return w.endRotation(s, s.Signing, now)
}

func (w *Webhook) endRotation(s Secrets, keep string, now time.Time) (Secrets, error) {
	if w.RotationAt(now) == nil {
		if w.Rotation != nil {
			return s, Errorf(Conflict, "The rotation has ended at %s: the new secret is the only one.", w.Rotation.EndsAt.UTC().Format(time.RFC3339))
		}
		return s, Errorf(Conflict, "No rotation of the secret is under way.")
	}
	s = w.single(s, keep)
	w.secretEdited(now)
	return s, nil
}

// ReplaceSecret makes secret the only one at once and ends a rotation. The caller decides whether that is an edit, by
// what Settle returns, and counts it: one request may hold several.
func (w *Webhook) ReplaceSecret(s Secrets, secret string) Secrets { return w.single(s, secret) }

// newer is the new secret. Should there be none in spite of a rotation, the old one is better than an empty key.
func newer(s Secrets) string { return cmp.Or(s.Next, s.Signing) }

// single leaves one signing secret.
func (w *Webhook) single(s Secrets, secret string) Secrets {
	s.Signing, s.Next = secret, ""
	w.SecretHint, w.Rotation = HintOf(secret), nil
	return s
}

// secretEdited counts an edit: what failed until now was the old configuration.
func (w *Webhook) secretEdited(now time.Time) {
	w.Generation++
	w.UpdatedAt = now
}

// rotationNote is the sentence of the health's reason about a rotation that ends soon; empty if none does.
func rotationNote(w *Webhook, now time.Time) string {
	r := w.RotationAt(now)
	if r == nil || r.EndsAt.Sub(now) > rotationNotice {
		return ""
	}
	return " The old signing secret stops being used at " + r.EndsAt.UTC().Format(time.RFC3339) +
		"; make sure your endpoint knows the new one."
}
