package queue_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// numbered returns the attempt message with a number.
func numbered(n int) webhook.Message {
	return webhook.Message{Kind: webhook.AttemptMessage, Ref: webhook.Ref{WebhookID: "whk_1"}, Number: n}
}

// until waits for a condition that others bring about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// held returns a fake whose requests wait for their turn: a value in turns lets one go, closing it all.
func held() (f *fake, turns chan struct{}) {
	turns = make(chan struct{})
	return &fake{hold: func(int) { <-turns }}, turns
}

func (f *fake) seen() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.arrived
}

// sizes are those of the batches so far, the smallest first.
func (f *fake) sizes() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []int
	for _, b := range f.batches {
		all = append(all, len(b))
	}
	slices.Sort(all)
	return all
}

// TestGathered: of 100 messages that are sent one by one at the same time two go alone, the others by tens.
func TestGathered(t *testing.T) {
	const senders = 100
	f, turns := held()
	q := newFake(f)
	errs := make(chan error, senders)
	for n := range senders {
		go func() { errs <- q.Send(t.Context(), numbered(n)) }()
		if n < 2 {
			until(t, "one request for each", func() bool { return f.seen() == n+1 })
		}
	}
	// Six full batches more may be under way.
	until(t, "all that may be under way", func() bool { return f.seen() == 8 && q.Gathered() == senders-2-60 })
	close(turns)
	for range senders {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	seen := map[string]bool{}
	for _, b := range f.batches {
		for _, e := range b {
			seen[e.MessageBody] = true
		}
	}
	sizes := f.sizes()
	if want := []int{1, 1, 8, 10, 10, 10, 10, 10, 10, 10, 10, 10}; !slices.Equal(sizes, want) || len(seen) != senders {
		t.Errorf("%d messages in batches of %v, want %v", len(seen), sizes, want)
	}
}

// TestAloneNobodyWaits: one hanging request holds up nobody else.
func TestAloneNobodyWaits(t *testing.T) {
	release := make(chan struct{})
	f := &fake{hold: func(n int) {
		if n == 1 {
			<-release
		}
	}}
	q := newFake(f)
	first := make(chan error)
	go func() { first <- q.Send(t.Context(), numbered(1)) }()
	until(t, "the first request", func() bool { return f.seen() == 1 })
	for n := range 5 {
		if err := q.Send(t.Context(), numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// TestEachItsOwnError: what becomes of one sender's message is told to no other one.
func TestEachItsOwnError(t *testing.T) {
	f := &fakeQueue{t: t, stored: map[int]int{}}
	f.refuse = both(refuse(99, true, 13), refuse(99, false, 14))
	l := storetest.NewLiar(t, f.act)
	q := functionsQueue(t, functionsConfig(t), l.URL, 3*time.Second)
	release := make(chan struct{})
	l.Tell(storetest.Lie{Meanwhile: func() { <-release }}) // the others wait behind it, since a Liar acts for one at a time
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for n := range errs {
		wg.Go(func() { errs[n] = q.Send(t.Context(), numbered(n)) })
		if n < 2 {
			until(t, "one batch for each", func() bool { return q.Gathered() == 0 })
		}
	}
	until(t, "one full batch and the rest", func() bool { return q.Gathered() == 8 })
	close(release)
	wg.Wait()
	for n, err := range errs {
		want, stored := webhook.Code(""), 1
		switch n {
		case 13:
			want, stored = webhook.Internal, 0
		case 14:
			want, stored = webhook.Unavailable, 0
		}
		if webhook.CodeOf(err) != want || f.stored[n] != stored {
			t.Errorf("message %d: %v, stored %d times; want code %q, %d", n, err, f.stored[n], want, stored)
		}
	}
	// A sender of several hears the worst.
	if err := q.Send(t.Context(), numbered(14), numbered(13), numbered(15)); webhook.CodeOf(err) != webhook.Internal {
		t.Errorf("got %v, want internal", err)
	}
}

// TestOneSendersEnd: a sender whose time ends leaves at once, and the others' messages are sent all the same.
func TestOneSendersEnd(t *testing.T) {
	f, turns := held()
	q := newFake(f)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 3)
	for n := range 3 { // two under way, and one that waits
		go func() { left <- q.Send(ctx, numbered(n)) }()
		until(t, "the batches", func() bool { return f.seen() == min(n+1, 2) && q.Gathered() == max(n-1, 0) })
	}
	stayed := make(chan error)
	go func() { stayed <- q.Send(t.Context(), numbered(3)) }()
	until(t, "the other sender", func() bool { return q.Gathered() == 2 })
	cancel()
	for range 3 {
		if err := <-left; webhook.CodeOf(err) != webhook.Unavailable {
			t.Errorf("got %v, want unavailable", err)
		}
	}
	if err := q.Send(ctx, numbered(4)); webhook.CodeOf(err) != webhook.Unavailable || q.Gathered() != 2 {
		t.Errorf("without time: %v, %d wait", err, q.Gathered())
	}
	close(turns)
	if err := <-stayed; err != nil {
		t.Errorf("the other sender: %v", err)
	}
	until(t, "all batches", func() bool { return len(f.sizes()) == 3 })
	if sizes := f.sizes(); !slices.Equal(sizes, []int{1, 1, 2}) {
		t.Errorf("batches of %v", sizes)
	}
}

// TestManySenders sends from many goroutines through a queue and a network that fail now and then: who is told nothing
// else has all messages stored, and everybody is told something.
func TestManySenders(t *testing.T) {
	const senders, most = 60, 25
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) // under the Liar's lock
	f := &fakeQueue{t: t, stored: map[int]int{}, refuse: func(int, int) *failure {
		if random.IntN(10) == 0 {
			return &failure{Code: "Refused"}
		}
		return nil
	}}
	l := storetest.NewLiar(t, f.act)
	q := functionsQueue(t, functionsConfig(t), l.URL, 3*time.Second)
	var script []storetest.Lie
	for range 1000 {
		lies := []storetest.Lie{{}, {}, {}, storetest.LoseAnswer(), storetest.LoseRequest(), {Arrives: storetest.Half}, storetest.Fault(500)}
		script = append(script, lies[random.IntN(len(lies))])
	}
	var sizes [senders]int
	for s := range sizes {
		sizes[s] = 1 + random.IntN(most)
	}
	l.Tell(script...)
	var wg sync.WaitGroup
	for s, n := range sizes {
		wg.Go(func() {
			ms := make([]webhook.Message, n)
			for i := range ms {
				ms[i] = numbered(s*most + i)
			}
			err := q.Send(t.Context(), ms...)
			switch webhook.CodeOf(err) {
			case "":
				l.While(func() {
					for _, m := range ms {
						if f.stored[m.Number] == 0 {
							t.Errorf("message %d is not stored", m.Number)
						}
					}
				})
			case webhook.Unavailable:
			default:
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if q.Gathered() != 0 {
		t.Errorf("%d messages wait", q.Gathered())
	}
}
