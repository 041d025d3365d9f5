package webhook

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	firstSecret  = "first-secret-0123456789-aaaa"
	secondSecret = "second-secret-0123456789-bbbb"
	thirdSecret  = "third-secret-0123456789-cccc"
)

// keyed is a webhook with its secrets and a clock.
type keyed struct {
	w   Webhook
	s   Secrets
	now time.Time
}

func newKeyed() *keyed {
	return &keyed{Webhook{Generation: 1, SecretHint: HintOf(firstSecret)}, Secrets{Signing: firstSecret, AuthHeaderValue: "sesame"}, t0}
}

func (k *keyed) start(next string, overlap time.Duration, replace bool) (err error) {
	k.s, err = k.w.StartRotation(k.s, next, overlap, replace, k.now)
	return err
}

func (k *keyed) complete() (err error) {
	k.s, err = k.w.CompleteRotation(k.s, k.now)
	return err
}

func (k *keyed) cancel() (err error) {
	k.s, err = k.w.CancelRotation(k.s, k.now)
	return err
}

// want checks all that can be seen of the secrets: the keys, what is shown of them, and the end.
func (k *keyed) want(t *testing.T, current, next string, generation int64) {
	t.Helper()
	gotCurrent, gotNext := k.w.SigningKeys(k.s, k.now)
	if gotCurrent != current || gotNext != next {
		t.Fatalf("keys %q and %q, want %q and %q", gotCurrent, gotNext, current, next)
	}
	if k.w.HintAt(k.now) != HintOf(current) {
		t.Fatalf("hint %s of %s", k.w.HintAt(k.now), current)
	}
	r := k.w.RotationAt(k.now)
	if (r != nil) != (next != "") || r != nil && r.SecretHint != HintOf(next) {
		t.Fatalf("rotation %+v, next secret %q", r, next)
	}
	if k.w.Generation != generation {
		t.Fatalf("generation %d, want %d", k.w.Generation, generation)
	}
	if k.s.AuthHeaderValue != "sesame" {
		t.Fatal("the authentication header was changed")
	}
}

func wantCode(t *testing.T, err error, code Code, part string) {
	t.Helper()
	if CodeOf(err) != code || !strings.Contains(err.Error(), part) {
		t.Fatalf("got %v, want %s with %q", err, code, part)
	}
}

func TestRotationThroughTime(t *testing.T) {
	k := newKeyed()
	k.want(t, firstSecret, "", 1)
	if err := k.start(secondSecret, time.Hour, false); err != nil {
		t.Fatal(err)
	}
	ends := k.w.Rotation.EndsAt
	// t0 is 678 ms into a second.
	if want := t0.Add(time.Hour + 322*time.Millisecond); !ends.Equal(want) || !k.w.UpdatedAt.Equal(t0) {
		t.Fatalf("ends at %s, want %s", ends, want)
	}
	k.want(t, firstSecret, secondSecret, 2)
	stored := *k
	k.now = ends.Add(-1)
	k.want(t, firstSecret, secondSecret, 2)
	k.now = ends
	k.want(t, secondSecret, "", 2)
	if !reflect.DeepEqual(k.w, stored.w) || k.s != stored.s {
		t.Fatal("looking changed something")
	}
	if s := k.w.Settle(k.s, k.now); s != (Secrets{Signing: secondSecret, AuthHeaderValue: "sesame"}) || k.w.Rotation != nil {
		t.Fatalf("settled to %+v", k.w.Rotation)
	}
	if s := (&stored.w).Settle(stored.s, ends.Add(-1)); s != stored.s || stored.w.Rotation == nil {
		t.Fatal("settled before the end")
	}
}

func TestRotationEndsEarly(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*keyed) error
		want string
	}{
		"complete": {(*keyed).complete, secondSecret}, "cancel": {(*keyed).cancel, firstSecret},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeyed()
			wantCode(t, c.end(k), Conflict, "No rotation")
			if err := k.start(secondSecret, time.Hour, false); err != nil {
				t.Fatal(err)
			}
			k.now = k.now.Add(time.Minute)
			if err := c.end(k); err != nil {
				t.Fatal(err)
			}
			k.want(t, c.want, "", 3)
			if k.s.Next != "" || k.w.Rotation != nil || !k.w.UpdatedAt.Equal(k.now) {
				t.Fatal("the other secret is still stored")
			}
			wantCode(t, c.end(k), Conflict, "No rotation")
			if err := k.start(thirdSecret, time.Hour, false); err != nil {
				t.Fatal(err)
			}
			k.now = k.w.Rotation.EndsAt
			wantCode(t, c.end(k), Conflict, "has ended at 2026-01-02T04:05:06Z")
			k.want(t, thirdSecret, "", 4)
		})
	}
}

func TestStartRotation(t *testing.T) {
	for name, c := range map[string]struct {
		pending       string        // a rotation to it began an hour ago
		left          time.Duration // how long it still lasts
		next          string
		overlap       time.Duration
		replace       bool
		current, then string // the keys afterwards
		code          Code
	}{
		"first":                {next: secondSecret, overlap: time.Hour, current: firstSecret, then: secondSecret},
		"first, replace":       {next: secondSecret, overlap: time.Hour, replace: true, current: firstSecret, then: secondSecret},
		"at once":              {next: secondSecret, current: secondSecret},
		"under way":            {pending: secondSecret, left: 1, next: thirdSecret, overlap: time.Hour, code: Conflict},
		"under way, at once":   {pending: secondSecret, left: 1, next: thirdSecret, code: Conflict},
		"replaced":             {pending: secondSecret, left: 1, next: thirdSecret, overlap: time.Hour, replace: true, current: firstSecret, then: thirdSecret},
		"replaced at once":     {pending: secondSecret, left: 1, next: thirdSecret, replace: true, current: thirdSecret},
		"ended":                {pending: secondSecret, next: thirdSecret, overlap: time.Hour, current: secondSecret, then: thirdSecret},
		"ended, at once":       {pending: secondSecret, next: thirdSecret, current: thirdSecret},
		"back to the old":      {pending: secondSecret, next: firstSecret, overlap: time.Hour, current: secondSecret, then: firstSecret},
		"same":                 {next: firstSecret, overlap: time.Hour, code: Invalid},
		"same at once":         {next: firstSecret, code: Invalid},
		"same as current":      {pending: secondSecret, left: 1, next: firstSecret, overlap: time.Hour, replace: true, code: Invalid},
		"same as pending":      {pending: secondSecret, left: 1, next: secondSecret, overlap: time.Hour, replace: true, code: Invalid},
		"same as the last one": {pending: secondSecret, next: secondSecret, overlap: time.Hour, code: Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeyed()
			generation := int64(1)
			if c.pending != "" {
				if err := k.start(c.pending, time.Hour, false); err != nil {
					t.Fatal(err)
				}
				k.now = k.w.Rotation.EndsAt.Add(-c.left)
				generation++
			}
			before := *k
			err := k.start(c.next, c.overlap, c.replace)
			if CodeOf(err) != c.code {
				t.Fatalf("got %v, want code %q", err, c.code)
			}
			if c.code != "" {
				if !reflect.DeepEqual(*k, before) {
					t.Fatal("what was refused changed something")
				}
				if strings.Contains(err.Error(), c.next) {
					t.Fatal("the error tells the secret")
				}
				return
			}
			k.want(t, c.current, c.then, generation+1)
			if r := k.w.RotationAt(k.now); r != nil && r.EndsAt.Sub(k.now) < c.overlap {
				t.Fatalf("the overlap ends early, at %s", r.EndsAt)
			}
			if stored := k.s.Values(); len(stored) != 2 && c.then == "" {
				t.Fatal("a secret out of use is still stored")
			}
		})
	}
}

func TestReplaceSecret(t *testing.T) {
	for name, c := range map[string]struct {
		rotating, ended bool
		secret          string
		changed         bool
	}{
		"another":                 {secret: thirdSecret, changed: true},
		"same":                    {secret: firstSecret},
		"rotating, another":       {rotating: true, secret: thirdSecret, changed: true},
		"rotating, the old one":   {rotating: true, secret: firstSecret, changed: true},
		"rotating, the new one":   {rotating: true, secret: secondSecret, changed: true},
		"ended, the old one":      {rotating: true, ended: true, secret: firstSecret, changed: true},
		"ended, the same new one": {rotating: true, ended: true, secret: secondSecret},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeyed()
			if c.rotating {
				if err := k.start(secondSecret, time.Hour, false); err != nil {
					t.Fatal(err)
				}
			}
			if c.ended {
				k.now = k.w.Rotation.EndsAt
			}
			generation := k.w.Generation
			before := k.w.Settle(k.s, k.now)
			k.s = k.w.ReplaceSecret(before, c.secret)
			if changed := k.s != before; changed != c.changed {
				t.Fatalf("changed: %v", changed)
			}
			k.want(t, c.secret, "", generation)
			if k.s.Next != "" || k.w.Rotation != nil {
				t.Fatal("the rotation has not ended")
			}
		})
	}
}

// A webhook whose two halves disagree must not sign with an empty key.
func TestRotationWithoutNewSecret(t *testing.T) {
	for _, end := range []func(*keyed) error{(*keyed).complete, (*keyed).cancel, func(k *keyed) error {
		k.now = k.w.Rotation.EndsAt
		k.s = k.w.Settle(k.s, k.now)
		return nil
	}} {
		k := newKeyed()
		k.w.Rotation = &Rotation{EndsAt: t0.Add(time.Hour)}
		if current, next := k.w.SigningKeys(k.s, t0.Add(2*time.Hour)); current != firstSecret || next != "" {
			t.Fatalf("keys %q and %q", current, next)
		}
		if err := end(k); err != nil {
			t.Fatal(err)
		}
		k.want(t, firstSecret, "", k.w.Generation)
	}
}

func TestHealthTellsOfRotation(t *testing.T) {
	k := newKeyed()
	k.w.Active, k.w.EverActive = true, true
	plain := Report(&k.w, nil, k.now)
	if err := k.start(secondSecret, 7*time.Hour, false); err != nil {
		t.Fatal(err)
	}
	ends := k.w.Rotation.EndsAt
	const note = " The old signing secret stops being used at 2026-01-02T10:04:06Z; make sure your endpoint knows the new one."
	for at, want := range map[time.Time]string{
		t0: "", ends.Add(-6*time.Hour - 1): "", ends.Add(-6 * time.Hour): note, ends.Add(-1): note, ends: "",
	} {
		got := Report(&k.w, nil, at)
		if got.Reason != plain.Reason+want || got.Health != plain.Health {
			t.Errorf("%s before the end: %s %q", ends.Sub(at), got.Health, got.Reason)
		}
	}
}

// A secret from an older system may be shorter than any that is accepted now, and hold any characters.
func TestHintOf(t *testing.T) {
	for secret, want := range map[string]string{
		"": "…", "abc123": "…", "elevenchars": "…", "twelve chars": "…hars", "ключключключ": "…ключ", "ключик": "…",
	} {
		if got := HintOf(secret); got != want {
			t.Errorf("%q: %q, want %q", secret, got, want)
		}
	}
}
