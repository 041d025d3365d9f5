package dynamo_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestLiesAboutDetours: a detour is stored however often its answer is lost.
func TestLiesAboutDetours(t *testing.T) {
	cfg := functionsConfig(t)
	d := webhook.Detour{Since: at, Took: 9500 * time.Millisecond, Fast: 1}
	for name, c := range map[string]struct {
		lies []storetest.Lie
		want webhook.Code
		// asked is the number of requests, and stored whether the detour is.
		asked  int
		stored bool
	}{
		"honest":            {nil, "", 1, true},
		"answer lost":       {storetest.Times(1, storetest.LoseAnswer()), "", 2, true},
		"answer cut":        {storetest.Times(1, storetest.Lie{Arrives: storetest.Half}), "", 2, true},
		"every answer lost": {storetest.Times(9, storetest.LoseAnswer()), webhook.Unavailable, 4, true},
		"requests lost":     {storetest.Times(9, storetest.LoseRequest()), webhook.Unavailable, 4, false},
		"only throttled":    {storetest.Times(9, refused("ThrottlingException")), webhook.Unavailable, 4, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newLyingTable(t, cfg, tryTimeout)
			commit(t, x.store, webhook.Change{Partner: &webhook.Partner{ID: "p"}, Webhook: &webhook.Webhook{PartnerID: "p", ID: "w"}})
			x.Tell(c.lies...)
			if err := x.store.PutDetour(t.Context(), "p", "w", d); webhook.CodeOf(err) != c.want || len(x.Asked()) != c.asked {
				t.Errorf("%v after %v; want code %q after %d requests", err, x.Asked(), c.want, c.asked)
			}
			x.Tell()
			_, w, err := x.store.Webhook(t.Context(), "p", "w")
			if err != nil || (w.Detour != nil) != c.stored || c.stored && *w.Detour != d {
				t.Errorf("read %+v, %v", w.Detour, err)
			}
		})
	}
}

// TestLiesAboutPlaces: however answers are lost, nobody gets a place twice.
func TestLiesAboutPlaces(t *testing.T) {
	cfg := functionsConfig(t)
	const n, gap, length = 5, time.Second, 5 * time.Second
	lost, honest := storetest.LoseAnswer(), storetest.Lie{}
	for name, c := range map[string]struct {
		// next is where the places taken end, counted from now; nil for none.
		next  *time.Duration
		lies  []storetest.Lie
		want  webhook.Code
		asked int
		first time.Duration
	}{
		"first of all":           {nil, nil, "", 2, 0},
		"long ago":               {span(-time.Minute), nil, "", 2, 0},
		"now":                    {span(0), nil, "", 1, 0},
		"in a while":             {span(time.Minute), nil, "", 1, time.Minute},
		"at the end":             {span(time.Hour), nil, "", 1, time.Hour},
		"lost, then the next":    {span(time.Minute), storetest.Times(1, lost), "", 2, time.Minute + length},
		"the first of all lost":  {nil, []storetest.Lie{honest, lost}, "", 4, length},
		"every answer lost":      {span(time.Minute), storetest.Times(9, lost), webhook.Unavailable, 4, 0},
		"every request lost":     {nil, storetest.Times(9, storetest.LoseRequest()), webhook.Unavailable, 4, 0},
		"throttled in the midst": {nil, []storetest.Lie{honest, refused("ThrottlingException")}, "", 3, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newLyingTable(t, cfg, tryTimeout)
			if c.next != nil {
				x.items["s P#p SLOW#w"] = attributes{
					"pk": {"S": "P#p"}, "sk": {"S": "SLOW#w"}, "v": {"N": "1"},
					"nx": {"N": strconv.FormatInt(at.Add(*c.next).UnixNano(), 10)},
				}
			}
			x.Tell(c.lies...)
			first, ok, err := x.store.TakePlaces(t.Context(), "p", "w", n, gap, at, at.Add(time.Hour))
			if webhook.CodeOf(err) != c.want || len(x.Asked()) != c.asked {
				t.Fatalf("%v after %v; want code %q after %d requests", err, x.Asked(), c.want, c.asked)
			}
			if err == nil && (!ok || !first.Equal(at.Add(c.first))) {
				t.Fatalf("the first place is at %v, %v; want %v", first.Sub(at), ok, c.first)
			}
			x.Tell()
			next, ok, err := x.store.TakePlaces(t.Context(), "p", "w", 1, gap, at, at.Add(2*time.Hour))
			if err != nil || !ok || c.want == "" && next.Before(first.Add(length)) {
				t.Errorf("the next one's place is at %v, %v, %v; want it after %v", next.Sub(at), ok, err, c.first+length)
			}
		})
	}
	x := newLyingTable(t, cfg, tryTimeout)
	if _, ok, err := x.store.TakePlaces(t.Context(), "p", "w", n, gap, at, at.Add(time.Hour)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	x.Tell()
	first, ok, err := x.store.TakePlaces(t.Context(), "p", "w", n, gap, at, at.Add(length-1))
	if ok || err != nil || !first.IsZero() || !slices.Equal(x.Asked(), []string{"UpdateItem"}) {
		t.Errorf("no place is left: %v, %v, %v after %v", first, ok, err, x.Asked())
	}
}

func span(d time.Duration) *time.Duration { return &d }
