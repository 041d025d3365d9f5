package delivery

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// event brings one event of a partner by the stream and tells how many requests that made.
func (w *world) event(partnerID string) int {
	w.t.Helper()
	before := len(w.posts)
	w.stream(record(partnerID, fmt.Sprint("ver_", sequence), w.clock()))
	return len(w.posts) - before
}

func (w *world) calls(op string) int { return w.store.Calls()[op] }

func TestWhoDelaysOthersTakesADetourUntilFastEnough(t *testing.T) {
	slow := func(n int, _ webhook.Request) webhook.Response { return webhook.Response{StatusCode: 200} }
	for name, tt := range map[string]struct {
		answer func(int, webhook.Request) webhook.Response
		took   time.Duration
		leaves bool
	}{
		"fails":      {failFirst(1), 5 * time.Millisecond, true},
		"slow":       {slow, webhook.SlowAfter, true},
		"fast":       {slow, webhook.SlowAfter - 1, false},
		"fails slow": {failFirst(1), 10 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			h := w.hook("acme", nil)
			w.answer, w.took = tt.answer, tt.took
			if n := w.event("acme"); n != 1 {
				t.Fatalf("%d requests from the stream", n)
			}
			if d := w.stored(h).Detour; d.Over() == tt.leaves {
				t.Fatalf("detour %+v", d)
			}
			if !tt.leaves {
				return
			}
			w.took = 5 * time.Millisecond
			w.rest(10 * time.Second) // the retry of the one that failed is a fast success too
			for !w.stored(h).Detour.Over() {
				if n := w.event("acme"); n != 0 {
					t.Fatalf("%d requests from the stream on a detour", n)
				}
				ms := w.queue.Take()
				if len(ms) != 1 || ms[0].Delay != 0 || ms[0].Number != 1 {
					t.Fatalf("messages %+v", ms)
				}
				w.pending = append(w.pending, pending{at: w.clock(), m: ms[0]})
				w.rest(time.Second)
			}
			if d := w.stored(h).Detour; d.Fast != webhook.FastEnough {
				t.Fatalf("it took %+v", d)
			}
			if n := w.event("acme"); n != 1 {
				t.Fatalf("%d requests from the stream afterwards", n)
			}
			for _, d := range w.store.AllDeliveries() {
				if d.State != webhook.Delivered {
					t.Errorf("%+v", d)
				}
			}
		})
	}
}

// TestRelapsesTakeLonger: a webhook that is slow now and then would cost the others a time-out each time.
func TestRelapsesTakeLonger(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	back := func() (events int) {
		w.took = 2 * time.Second
		if n := w.event("acme"); n != 1 {
			t.Fatalf("%d requests from the stream", n)
		}
		w.took = 20 * time.Millisecond
		for ; !w.stored(h).Detour.Over(); events++ {
			w.event("acme")
			w.rest(time.Second)
		}
		return events
	}
	for _, want := range []int{3, 24, 192, 1000, 1000} {
		if n := back(); n != want {
			t.Fatalf("%d fast successes brought it back, want %d", n, want)
		}
	}
	w.advance(23 * time.Hour)
	if n := back(); n != 1000 {
		t.Errorf("%d after 23 hours", n)
	}
	w.advance(25 * time.Hour)
	if n := back(); n != 3 {
		t.Errorf("%d after 25 hours", n)
	}
}

// TestPaceFollowsTheMean: it is the mean that says how many are under way; a fast failure says nothing of it.
func TestPaceFollowsTheMean(t *testing.T) {
	now := start
	var d *webhook.Detour
	x := d.Leave(now, 8*time.Second, false)
	for _, step := range []struct {
		took   time.Duration
		failed bool
		stored bool
		want   time.Duration
	}{
		{8 * time.Second, false, false, 8 * time.Second},
		{20 * time.Millisecond, true, false, 8 * time.Second},
		{10 * time.Second, true, false, 8 * time.Second}, // not worth storing, so not noted
		{40 * time.Second, true, true, 16 * time.Second},
		{0, false, true, 12 * time.Second},
		{0, false, true, 9 * time.Second},
	} {
		if stored := x.Note(now, step.took, step.failed); stored != step.stored || x.Took != step.want {
			t.Fatalf("after %+v: stored %v, %+v", step, stored, x)
		}
	}
	if gap := x.Gap(); gap != 9*time.Second/webhook.MaxInFlight {
		t.Errorf("a gap of %v", gap)
	}
	if x.Note(now, 0, false); !x.Over() || x.Gap() != 0 {
		t.Errorf("%+v", x)
	}
	if again := x.Leave(now, 9*time.Second, false); again.Took >= 9*time.Second || again.Need != 24 {
		t.Errorf("it forgot: %+v", again)
	}
	if again := x.Leave(now, time.Millisecond, true); again.Took != x.Took || again.Need != webhook.FastEnough {
		t.Errorf("after a failure that cost nobody anything: %+v", again)
	}
}

func TestOneSlowAnswerBeginsTheCountAnew(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	for _, step := range []struct {
		took time.Duration
		fast int
	}{
		{2 * time.Second, 0}, {time.Millisecond, 1}, {time.Millisecond, 2}, {3 * time.Second, 0}, {time.Millisecond, 1},
	} {
		w.took = step.took
		w.event("acme")
		w.rest(5 * time.Second)
		if d := w.stored(h).Detour; d == nil || d.Fast != step.fast {
			t.Fatalf("after one of %v: %+v, want %d", step.took, d, step.fast)
		}
	}
}

func TestRestOfABatchLeavesTheStreamAtOnce(t *testing.T) {
	w := newWorld(t)
	w.Group = inTurn
	w.hook("acme", nil)
	w.took = 1500 * time.Millisecond
	var batch [][]byte
	for i := range 5 {
		batch = append(batch, record("acme", fmt.Sprint("ver_", i), w.clock()))
	}
	w.stream(batch...)
	if len(w.posts) != 1 || w.calls("PutDetour") != 1 {
		t.Errorf("%d requests from the stream, %d detours stored", len(w.posts), w.calls("PutDetour"))
	}
	if ms := w.queue.Take(); len(ms) != 4 {
		t.Errorf("%d messages", len(ms))
	}
}

func TestSteadySlownessIsStoredOnce(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.took = 9500 * time.Millisecond
	for range 10 {
		w.event("acme")
		w.rest(time.Minute)
	}
	if n := w.calls("PutDetour"); n != 1 {
		t.Errorf("stored %d times", n)
	}
	w.took = 2 * time.Second // much faster: the pace follows
	for range 10 {
		w.event("acme")
		w.rest(time.Minute)
	}
	if d, n := w.stored(h).Detour, w.calls("PutDetour"); d.Took > 4*time.Second || n > 6 {
		t.Errorf("%+v, stored %d times", d, n)
	}
}

func TestAttemptsByHandDoNotCount(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.event("acme")
	d := w.only()
	w.took = 9 * time.Second
	w.ask(d)
	w.rest(time.Minute)
	if len(w.posts) != 2 || !w.stored(h).Detour.Over() {
		t.Errorf("%d requests, detour %+v", len(w.posts), w.stored(h).Detour)
	}
}

// onHost makes webhooks of partners p0, p1, ... on one host.
func (w *world) onHost(n int) []*webhook.Webhook {
	var hs []*webhook.Webhook
	for i := range n {
		hs = append(hs, w.hook(fmt.Sprint("p", i), func(h *webhook.Webhook) { h.URL = fmt.Sprint("https://hooks.example.com/", i) }))
	}
	return hs
}

func TestHostOfWhichTwoHangIsAvoided(t *testing.T) {
	const fast, slow = 20 * time.Millisecond, 10 * time.Second
	hang := func(code webhook.ErrorCode) func(int, webhook.Request) webhook.Response {
		return func(int, webhook.Request) webhook.Response { return webhook.Response{ErrorCode: code} }
	}
	for name, tt := range map[string]struct {
		took    []time.Duration // of p0, p1, ... in turn
		code    webhook.ErrorCode
		avoided bool
	}{
		"one":                          {[]time.Duration{slow}, webhook.ErrTimeout, false},
		"two":                          {[]time.Duration{slow, slow}, webhook.ErrTimeout, true},
		"two that succeed":             {[]time.Duration{slow, slow}, "", true},
		"two with a fast one between":  {[]time.Duration{slow, fast, slow}, webhook.ErrTimeout, false},
		"one that can't be connected":  {[]time.Duration{slow}, webhook.ErrConnectTimeout, true},
		"two that refuse at once":      {[]time.Duration{fast, fast}, webhook.ErrConnectionRefused, false},
		"two, though one was fast ago": {[]time.Duration{fast, slow, slow}, webhook.ErrTimeout, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			hs := w.onHost(len(tt.took) + 1)
			elsewhere := w.hook("other", func(h *webhook.Webhook) { h.URL = "https://hooks.example.com:8443/" })
			for i, took := range tt.took {
				w.took, w.answer = took, hang(tt.code)
				if took == fast && tt.code == webhook.ErrTimeout {
					w.answer = nil
				}
				if n := w.event(fmt.Sprint("p", i)); n != 1 {
					t.Fatalf("%d requests to webhook %d", n, i)
				}
			}
			w.took, w.answer = fast, nil
			last := hs[len(tt.took)]
			if avoided := w.event(last.PartnerID) == 0; avoided != tt.avoided || w.stored(last).Detour.Over() == tt.avoided {
				t.Errorf("avoided %v, detour %+v", avoided, w.stored(last).Detour)
			}
			if n := w.event(elsewhere.PartnerID); n != 1 {
				t.Errorf("%d requests to another port", n)
			}
		})
	}
}

func TestHostIsTrustedAgain(t *testing.T) {
	bad := func() (*world, []*webhook.Webhook) {
		w := newWorld(t)
		hs := w.onHost(4)
		w.took = 10 * time.Second
		w.event("p0")
		w.event("p1")
		w.took = 20 * time.Millisecond
		w.event("p2")
		if w.stored(hs[2]).Detour.Over() {
			t.Fatal("the host is not avoided")
		}
		return w, hs
	}
	t.Run("not by one that was back before", func(t *testing.T) {
		w, hs := bad()
		d := webhook.Detour{Since: start, At: start, Fast: 3, Need: 3}
		if err := w.store.PutDetour(context.Background(), hs[3].PartnerID, hs[3].ID, d); err != nil {
			t.Fatal(err)
		}
		if n := w.event("p3"); n != 0 {
			t.Error("trusted")
		}
	})
	t.Run("whoever saw that", func(t *testing.T) {
		w, hs := bad()
		d := webhook.Detour{Since: start, At: w.clock().Add(time.Millisecond), Fast: 3, Need: 3}
		if err := w.store.PutDetour(context.Background(), hs[3].PartnerID, hs[3].ID, d); err != nil {
			t.Fatal(err)
		}
		if n := w.event("p3"); n != 1 {
			t.Error("not trusted")
		}
	})
}

// TestOneHostLeavesRoomForOthers: endpoints of one host that hang take no more than their share of what is under way.
func TestOneHostLeavesRoomForOthers(t *testing.T) {
	w := newWorld(t)
	const all = maxPerHost + 30
	w.onHost(all)
	w.hook("other", func(h *webhook.Webhook) { h.URL = "https://elsewhere.example.com/" })
	var batch [][]byte
	for i := range all {
		batch = append(batch, record(fmt.Sprint("p", i), fmt.Sprint("v", i), w.clock()))
	}
	batch = append(batch, record("other", "v", w.clock()))
	// Nobody is answered before the last one of the batch has either begun or gone to the queue.
	var mu sync.Mutex
	begun, queued, there := 0, 0, make(chan struct{})
	note := func(n *int) {
		mu.Lock()
		defer mu.Unlock()
		if *n++; begun+queued == len(batch) {
			close(there)
		}
	}
	w.took = time.Millisecond
	w.answer = func(int, webhook.Request) webhook.Response {
		note(&begun)
		<-there
		return webhook.Response{StatusCode: 200}
	}
	w.queue.Fail = func() error { note(&queued); return nil }
	w.stream(batch...)
	if begun != maxPerHost+1 || queued != 30 {
		t.Errorf("%d begun, %d queued", begun, queued)
	}
	w.queue.Fail = nil
	w.rest(time.Minute)
	for _, d := range w.store.AllDeliveries() {
		if d.State != webhook.Delivered || d.Attempts != 1 {
			t.Errorf("%+v", d)
		}
	}
}

func TestSlowWebhookHasAPace(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.took = 10 * time.Second
	w.event("acme")
	const gap = 10 * time.Second / webhook.MaxInFlight
	var batch [][]byte
	for i := range 100 {
		batch = append(batch, record("acme", fmt.Sprint("v", i), w.clock()))
	}
	now := w.clock()
	w.stream(batch...)
	places := map[time.Duration]bool{}
	for _, m := range w.queue.Take() {
		d, err := w.store.Delivery(context.Background(), m.Ref)
		if err != nil {
			t.Fatal(err)
		}
		after := d.NextAttemptAt.Sub(now)
		if !d.Paced || after%gap != 0 || after >= 100*gap || places[after] || m.Delay != after {
			t.Errorf("an attempt after %v, message after %v: %+v", after, m.Delay, d)
		}
		places[after] = true
		w.pending = append(w.pending, pending{at: now.Add(m.Delay), m: m})
	}
	if n := w.calls("TakePlaces"); n != 1 {
		t.Errorf("%d requests for places", n)
	}
	w.took = 20 * time.Millisecond
	w.rest(time.Minute)
	if n := w.calls("TakePlaces"); len(w.posts) != 101 || n != 1 || !w.stored(h).Detour.Over() {
		t.Errorf("%d requests, %d for places, detour %+v", len(w.posts), n, w.stored(h).Detour)
	}
}

// TestPaceHasAnEnd: what finds no place for longer than a message may wait asks again then, and everything is sent.
func TestPaceHasAnEnd(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	now := w.clock()
	d := webhook.Detour{Since: now, At: now, Took: 10 * time.Second, Need: 3}
	if err := w.store.PutDetour(context.Background(), "acme", h.ID, d); err != nil {
		t.Fatal(err)
	}
	w.took = 0
	most := int(15 * time.Minute / d.Gap())
	if _, _, err := w.store.TakePlaces(context.Background(), "acme", h.ID, most+1, d.Gap(), now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := w.event("acme"); n != 0 {
		t.Fatal("sent at once")
	}
	x := w.only()
	if x.Paced || !x.NextAttemptAt.Equal(now.Add(askAgain)) || !x.DueAt.After(x.NextAttemptAt) {
		t.Fatalf("%+v", x)
	}
	w.rest(askAgain + 2*time.Second)
	if x = w.only(); !x.Paced || len(w.posts) != 0 || x.NextAttemptAt.Sub(now) < 15*time.Minute {
		t.Fatalf("%d requests, %+v", len(w.posts), x)
	}
	w.rest(10 * time.Minute)
	if len(w.posts) != 1 {
		t.Errorf("%d requests when its place came", len(w.posts))
	}
}

// TestRetriesKeepTheLadder: what the partner guide says of the times between attempts holds on a detour too.
func TestRetriesKeepTheLadder(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer, w.took = failFirst(3), 2*time.Second
	w.event("acme")
	far := w.clock().Add(time.Hour)
	if _, _, err := w.store.TakePlaces(context.Background(), "acme", h.ID, 1000, time.Second, w.clock(), far); err != nil {
		t.Fatal(err)
	}
	w.rest(time.Minute)
	for i, want := range []time.Duration{0, 3 * time.Second, 7 * time.Second, 13 * time.Second} {
		if at := w.posts[i].at.Sub(start); at != want {
			t.Errorf("attempt %d after %v, want %v", i+1, at, want)
		}
	}
}

func TestHosts(t *testing.T) {
	at := func(from, took time.Duration) webhook.Attempt {
		return webhook.Attempt{StartedAt: start.Add(from), Duration: took}
	}
	hook := func(id string) *webhook.Webhook { return &webhook.Webhook{ID: id, URL: "https://h.example.com/" + id} }
	a, b, c := hook("a"), hook("b"), hook("c")
	const slow = 9 * time.Second
	for name, tt := range map[string]struct {
		see   func(h *hosts)
		hangs bool
	}{
		"two slow": {func(h *hosts) { h.saw(a, at(0, slow)); h.saw(b, at(0, slow)) }, true},
		"two slow, and one that began with them was fast": {func(h *hosts) {
			h.saw(c, at(0, time.Millisecond))
			h.saw(a, at(0, slow))
			h.saw(b, at(0, slow))
		}, false},
		"two slow, after one that was fast": {func(h *hosts) {
			h.saw(c, at(-time.Second, time.Millisecond))
			h.saw(a, at(0, slow))
			h.saw(b, at(0, slow))
		}, true},
		"the same one twice":   {func(h *hosts) { h.saw(a, at(0, slow)); h.saw(a, at(0, slow)) }, false},
		"two, but hours apart": {func(h *hosts) { h.saw(a, at(0, slow)); h.saw(b, at(time.Hour, slow)) }, false},
		"two slow, and one that began before is fast in the end": {func(h *hosts) {
			h.saw(a, at(0, slow))
			h.saw(b, at(0, slow))
			h.saw(c, at(slow-time.Millisecond, 5*time.Millisecond))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var h hosts
			for _, w := range []*webhook.Webhook{a, b, c} {
				if ok, _, _ := h.enter(w); !ok {
					t.Fatal("refused at first")
				}
			}
			tt.see(&h)
			if _, hangs, took := h.enter(hook("d")); hangs != tt.hangs || hangs && took != slow {
				t.Errorf("hangs %v, took %v", hangs, took)
			}
		})
	}
	var h hosts
	for range 3 * maxPerHost {
		if ok, _, _ := h.enter(a); !ok {
			t.Fatal("what has left still counts")
		}
		h.leave(a)
	}
	if len(h.byName) != 0 {
		t.Errorf("%d hosts are remembered for nothing", len(h.byName))
	}
}

func TestWhatIsOverLeavesRoomOnItsHost(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.took = time.Millisecond
	for range 2 * maxPerHost {
		if n := w.event("acme"); n != 1 {
			t.Fatalf("%d requests", n)
		}
	}
}

// TestNoPaceForThoseWhoFailFast: refusing at once takes nothing from others.
func TestNoPaceForThoseWhoFailFast(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.took, w.answer = time.Millisecond, failFirst(1)
	w.event("acme")
	w.event("acme")
	w.rest(time.Minute)
	if n := w.calls("TakePlaces"); n != 0 || len(w.posts) != 3 {
		t.Errorf("%d requests for places, %d requests", n, len(w.posts))
	}
}
