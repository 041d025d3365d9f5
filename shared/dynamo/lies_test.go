package dynamo_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// kind is a kind of Change.
type kind struct {
	// action is how it is sent: put, transaction, or removal, a transaction without a put.
	action string
	// prepare stores what the Change builds on and returns it.
	prepare func(s *dynamo.Store) change
}

const put, transaction, removal = "put", "transaction", "removal"

// change is a Change with the key of an item that it writes, and the version that its caller knows of that.
type change struct {
	webhook.Change
	key string
	rev *int64
}

func kinds(t *testing.T) map[string]kind {
	stored := func(s *dynamo.Store, c webhook.Change) webhook.Change {
		commit(t, s, c)
		return c
	}
	ofDelivery := func(c webhook.Change) change {
		d := c.Deliveries[0]
		return change{c, "d p#w D#" + d.ID, &d.Rev}
	}
	return map[string]kind{
		"new": {put, func(*dynamo.Store) change {
			return ofDelivery(deliveries(storetest.Delivery("p", "w", "v", at)))
		}},
		"stored": {put, func(s *dynamo.Store) change {
			return ofDelivery(stored(s, deliveries(storetest.Delivery("p", "w", "v", at))))
		}},
		"large": {put, func(s *dynamo.Store) change {
			return ofDelivery(stored(s, deliveries(largeDelivery())))
		}},
		"several": {transaction, func(s *dynamo.Store) change {
			c := stored(s, webhook.Change{
				Webhook:    &webhook.Webhook{PartnerID: "p", ID: "w"},
				Deliveries: []*webhook.Delivery{storetest.Delivery("p", "w", "1", at), storetest.Delivery("p", "w", "2", at)},
			})
			c.Outbox = []webhook.OutboxEvent{{ID: rand.Text(), At: at}}
			return ofDelivery(c)
		}},
		"job": {put, func(s *dynamo.Store) change {
			j := &webhook.Job{PartnerID: "p", WebhookID: "w", Kind: webhook.DrainJob, ID: "j"}
			return change{stored(s, webhook.Change{Jobs: []*webhook.Job{j}}), "d p#w J#drain", &j.Rev}
		}},
		"removal": {removal, func(s *dynamo.Store) change {
			w := &webhook.Webhook{PartnerID: "p", ID: "w"}
			commit(t, s, webhook.Change{Webhook: w})
			return change{webhook.Change{RemoveWebhook: w}, "s P#p WEBHOOK#w", &w.Rev}
		}},
		"removal of a delivery": {removal, func(s *dynamo.Store) change {
			d := largeDelivery()
			commit(t, s, deliveries(d))
			return change{webhook.Change{RemoveDelivery: d}, "d p#w D#" + d.ID, &d.Rev}
		}},
	}
}

// lies are a script and what must come of a Commit under it.
type lies struct {
	script []storetest.Lie
	want   webhook.Code
	// asked is the number of requests, written how often the Change became real.
	asked, written int
	// only are the actions that the script fits; empty for all.
	only string
}

func refused(name string) storetest.Lie { return storetest.Refuse(400, exception(name)) }

func reasons(codes ...string) storetest.Lie { return storetest.Refuse(400, cancelled(codes...)) }

func wrongSum() storetest.Lie {
	return storetest.Lie{Instead: func(a storetest.Answer) storetest.Answer {
		a.Header["X-Amz-Crc32"] = "1"
		return a
	}}
}

// scripts are the lies about a write to the item under key. One that the SDK repeats must end as if it was made once.
func scripts(x *lyingTable, key string) map[string]lies {
	const busy, inProgress = "ThrottlingException", "TransactionInProgressException"
	lost, unheard := storetest.LoseAnswer(), storetest.LoseRequest()
	late, cut := storetest.Lie{Arrives: storetest.Late}, storetest.Lie{Arrives: storetest.Half}
	meanwhile := func(l storetest.Lie, do func()) storetest.Lie {
		l.Meanwhile = do
		return l
	}
	somebodyElse := func() { x.overwrite(key) }
	forget := func() { clear(x.tokens) }
	script := func(ls ...storetest.Lie) []storetest.Lie { return ls }
	again := func(first, then storetest.Lie) []storetest.Lie {
		return append(script(first), storetest.Times(9, then)...)
	}
	transactions, puts := transaction+removal, put+transaction
	return map[string]lies{
		"honest":                  {script(), "", 1, 1, ""},
		"answer lost":             {script(lost), "", 2, 1, ""},
		"three answers lost":      {script(lost, lost, lost), "", 4, 1, ""},
		"every answer lost":       {again(lost, lost), webhook.Unavailable, 4, 1, ""},
		"request lost":            {script(unheard), "", 2, 1, ""},
		"every request lost":      {again(unheard, unheard), webhook.Unavailable, 4, 0, ""},
		"500 after the write":     {script(storetest.Fault(500)), "", 2, 1, ""},
		"503 after the write":     {script(storetest.Fault(503)), "", 2, 1, ""},
		"only 500s":               {again(storetest.Fault(500), storetest.Fault(500)), webhook.Unavailable, 4, 1, ""},
		"answer cut":              {script(cut), "", 2, 1, ""},
		"every answer cut":        {again(cut, cut), webhook.Unavailable, 4, 1, ""},
		"wrong checksum":          {script(wrongSum()), "", 2, 1, ""},
		"late answer":             {script(late), "", 2, 1, ""},
		"every answer late":       {again(late, late), webhook.Unavailable, 4, 1, transaction},
		"throughput exceeded":     {script(refused("ProvisionedThroughputExceededException")), "", 2, 1, ""},
		"request limit exceeded":  {script(refused("RequestLimitExceeded")), "", 2, 1, ""},
		"throttled":               {script(refused(busy)), "", 2, 1, ""},
		"only throttled":          {again(refused(busy), refused(busy)), webhook.Unavailable, 4, 0, ""},
		"lost, then throttled":    {script(lost, refused(busy)), "", 3, 1, ""},
		"lost, only throttled":    {again(lost, refused(busy)), webhook.Unavailable, 4, 1, ""},
		"no permission":           {script(refused("AccessDeniedException")), webhook.Unavailable, 1, 0, ""},
		"never valid":             {script(refused("ValidationException")), webhook.Internal, 1, 0, ""},
		"in progress":             {script(refused(inProgress)), "", 2, 1, transactions},
		"lost, then in progress":  {script(lost, refused(inProgress)), "", 3, 1, transactions},
		"only in progress":        {again(refused(inProgress), refused(inProgress)), webhook.Unavailable, 4, 0, transactions},
		"cancelled by throttling": {script(reasons("None", "ThrottlingError")), webhook.Unavailable, 1, 0, transactions},
		"cancelled by another":    {script(reasons("TransactionConflict", "None")), webhook.Conflict, 1, 0, transactions},
		"cancelled by both":       {script(reasons("ThrottlingError", "ConditionalCheckFailed")), webhook.Conflict, 1, 0, transactions},
		"cancelled, never valid":  {script(reasons("ConditionalCheckFailed", "ValidationError")), webhook.Internal, 1, 0, transactions},
		"another transaction":     {script(refused("TransactionConflictException")), webhook.Conflict, 1, 0, put},
		// The transaction's token is forgotten; what it put is known by that.
		"lost and forgotten":  {script(meanwhile(lost, forget)), "", 2, 1, puts},
		"somebody was faster": {script(meanwhile(unheard, somebodyElse)), webhook.Conflict, 2, 0, ""},
		// Nobody can tell these from the one before: what stands there is somebody else's.
		"somebody built on it":       {script(meanwhile(lost, somebodyElse)), webhook.Conflict, 2, 1, put},
		"lost, then a transaction":   {script(lost, refused("TransactionConflictException")), webhook.Conflict, 2, 1, put},
		"somebody built on one part": {script(meanwhile(lost, func() { forget(); somebodyElse() })), "", 2, 1, transaction},
	}
}

// TestLiesAboutWrites commits every kind of Change while the table and the network lie about it.
func TestLiesAboutWrites(t *testing.T) {
	cfg := functionsConfig(t)
	for of, k := range kinds(t) {
		for name, l := range scripts(nil, "") {
			if l.only != "" && !strings.Contains(l.only, k.action) {
				continue
			}
			t.Run(of+"/"+name, func(t *testing.T) {
				t.Parallel()
				timeout := tryTimeout
				if slices.ContainsFunc(l.script, func(l storetest.Lie) bool { return l.Arrives == storetest.Late }) {
					timeout = shortTimeout
				}
				x := newLyingTable(t, cfg, timeout)
				c := k.prepare(x.store)
				testWrite(t, x, c, scripts(x, c.key)[name])
			})
		}
	}
}

func testWrite(t *testing.T, x *lyingTable, c change, l lies) {
	before, written := *c.rev, x.written[c.key]
	x.Tell(l.script...)
	began := time.Now()
	err := x.store.Commit(t.Context(), c.Change)
	took := time.Since(began)
	asked := x.Asked()
	if webhook.CodeOf(err) != l.want {
		t.Fatalf("got %v, want code %q", err, l.want)
	}
	if len(asked) != l.asked {
		t.Errorf("%d requests, want %d: %v", len(asked), l.asked, asked)
	}
	if n := x.written[c.key] - written; n != l.written {
		t.Errorf("it was written %d times, want %d", n, l.written)
	}
	want := before
	removes := c.RemoveWebhook != nil || c.RemoveDelivery != nil
	if l.want == "" && !removes {
		want = before + 1
	}
	if *c.rev != want {
		t.Errorf("Rev is %d, want %d", *c.rev, want)
	}
	want = before + int64(l.written)
	if stored := x.rev(c.key); stored != want && !x.overwritten[c.key] && !removes {
		t.Errorf("the stored Rev is %d, want %d", stored, want)
	}
	// What a function would have waited for: its own time-outs and pauses, not the test's.
	paused := time.Duration(x.retryer.paused.Load())
	if waited := time.Duration(len(asked))*tryTimeout + paused; waited > 18*time.Second {
		t.Errorf("a function would have waited for up to %v", waited)
	}
	if most := time.Duration(len(asked))*shortTimeout + 5*time.Second; took > most {
		t.Errorf("it took %v", took)
	}
}

// TestReadAgain: after Unavailable, what is stored decides, and a Change made anew from that succeeds.
func TestReadAgain(t *testing.T) {
	cfg := functionsConfig(t)
	for name, want := range map[string]struct {
		lie storetest.Lie
		rev int64
	}{
		"written":     {storetest.LoseAnswer(), 2},
		"not written": {storetest.LoseRequest(), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newLyingTable(t, cfg, tryTimeout)
			d := storetest.Delivery("p", "w", "v", at)
			commit(t, x.store, deliveries(d))
			d.TakeClaim(at, "me")
			x.Tell(storetest.Times(4, want.lie)...)
			if err := x.store.Commit(t.Context(), deliveries(d)); webhook.CodeOf(err) != webhook.Unavailable {
				t.Fatalf("got %v, want unavailable", err)
			}
			stored, err := x.store.Delivery(t.Context(), d.Ref())
			if err != nil || stored.Rev != want.rev || (stored.Claim != nil) != (want.rev == 2) {
				t.Fatalf("stored is Rev %d, claim %v, %v; want Rev %d", stored.Rev, stored.Claim, err, want.rev)
			}
			// The same Change again can only be refused if it became real.
			again := webhook.CodeOf(x.store.Commit(t.Context(), deliveries(d)))
			if (again == webhook.Conflict) != (want.rev == 2) || (again == "") != (want.rev == 1) {
				t.Errorf("the same Change again: %q", again)
			}
			if again == "" {
				stored = *d
			}
			if err := x.store.Commit(t.Context(), deliveries(&stored)); err != nil {
				t.Errorf("a Change made anew: %v", err)
			}
		})
	}
}

// TestLiesAboutReads reads while the table and the network lie: the answer is whole, or there is none.
func TestLiesAboutReads(t *testing.T) {
	cfg := functionsConfig(t)
	ctx := context.Background()
	d := storetest.Delivery("p", "w", "v", at)
	reads := map[string]func(s *dynamo.Store) error{
		"GetItem": func(s *dynamo.Store) error {
			got, err := s.Delivery(ctx, d.Ref())
			return errors.Join(err, wrongIf(err == nil && got.Rev != 1))
		},
		"BatchGetItem": func(s *dynamo.Store) error {
			p, w, err := s.Webhook(ctx, "p", "w")
			return errors.Join(err, wrongIf(err == nil && (p.Rev != 1 || w.Rev != 1)))
		},
		"Query": func(s *dynamo.Store) error {
			_, ws, err := s.PartnerWebhooks(ctx, "p")
			return errors.Join(err, wrongIf(err == nil && len(ws) != 1))
		},
	}
	for name, lie := range map[string]storetest.Lie{
		"answer lost":    storetest.LoseAnswer(),
		"answer cut":     {Arrives: storetest.Half},
		"late answer":    {Arrives: storetest.Late},
		"wrong checksum": wrongSum(),
		"fault":          storetest.Fault(500),
		"throttled":      refused("ThrottlingException"),
		"another answer": {Instead: func(a storetest.Answer) storetest.Answer {
			a.Body = strings.Replace(a.Body, `"N":"1"`, `"N":"7"`, 1)
			return a
		}},
	} {
		for action, read := range reads {
			t.Run(name+"/"+action, func(t *testing.T) {
				t.Parallel()
				timeout := tryTimeout
				if lie.Arrives == storetest.Late {
					timeout = shortTimeout
				}
				x := newLyingTable(t, cfg, timeout)
				own := *d
				commit(t, x.store, webhook.Change{
					Partner: &webhook.Partner{ID: "p"}, Webhook: &webhook.Webhook{PartnerID: "p", ID: "w"},
					Deliveries: []*webhook.Delivery{&own},
				})
				x.Tell(lie)
				if err := read(x.store); err != nil {
					t.Errorf("one lie: %v", err)
				}
				if asked := x.Asked(); !slices.Equal(asked, []string{action, action}) {
					t.Errorf("one lie: asked %v", asked)
				}
				if lie.Arrives == storetest.Late && action != "GetItem" {
					return // it would take long, and the client is the same
				}
				x.Tell(storetest.Times(9, lie)...)
				if err := read(x.store); webhook.CodeOf(err) != webhook.Unavailable {
					t.Errorf("lies for long: %v, want unavailable", err)
				}
				if asked := x.Asked(); len(asked) != 4 {
					t.Errorf("lies for long: asked %v", asked)
				}
			})
		}
	}
}

func wrongIf(wrong bool) error {
	if wrong {
		return errors.New("a wrong answer was taken")
	}
	return nil
}

// TestUnprocessedKeys: keys that a table is too busy for are asked for again, alone, and not for ever.
func TestUnprocessedKeys(t *testing.T) {
	x := newLyingTable(t, functionsConfig(t), tryTimeout)
	commit(t, x.store, webhook.Change{Partner: &webhook.Partner{ID: "p"}, Webhook: &webhook.Webhook{PartnerID: "p", ID: "w"}})
	x.unprocessed = 1
	x.Tell(storetest.Lie{Meanwhile: func() { x.unprocessed = 0 }})
	p, w, err := x.store.Webhook(t.Context(), "p", "w")
	if err != nil || p.Rev != 1 || w.Rev != 1 || !slices.Equal(x.asked, []int{3, 1}) {
		t.Errorf("got %+v, %+v, %v; asked for %v keys", p, w, err, x.asked)
	}
	x.unprocessed, x.asked = 2, nil
	began := time.Now()
	soon, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	_, _, err = x.store.Webhook(soon, "p", "w")
	if webhook.CodeOf(err) != webhook.Unavailable || !slices.Equal(x.asked, []int{3, 2, 2, 2, 2}) {
		t.Errorf("%v, asked for %v keys; want unavailable after 5 requests", err, x.asked)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, _, err := x.store.Webhook(ctx, "p", "w"); webhook.CodeOf(err) != webhook.Unavailable {
		t.Errorf("with little time: %v, want unavailable", err)
	}
}

// TestLostAnswersElsewhere loses one answer to each of the writes that are no Change.
func TestLostAnswersElsewhere(t *testing.T) {
	x := newLyingTable(t, functionsConfig(t), tryTimeout)
	ctx, s := t.Context(), x.store
	lose := func() { x.Tell(storetest.LoseAnswer()) }
	commit(t, s, webhook.Change{AddCredential: &webhook.Credential{ID: "key", PartnerID: "p", Kind: webhook.APIKey}})
	lose()
	if err := s.RemoveCredential(ctx, "p", "key"); err != nil || len(x.Asked()) != 2 {
		t.Errorf("removing a credential: %v after %v", err, x.Asked())
	}
	x.Tell(storetest.Lie{Arrives: storetest.Nothing, Meanwhile: func() { clear(x.tokens) }})
	if err := s.AddDataKey(ctx, "id", []byte("wrapped"), at, ""); err != nil || len(x.Asked()) != 2 {
		t.Errorf("adding a data key: %v after %v", err, x.Asked())
	}
	x.Tell(storetest.Lie{}, storetest.LoseAnswer())
	ok, err := s.AcquireTest(ctx, "p", "me", 2, at, at.Add(time.Minute))
	if !ok || err != nil || len(x.Asked()) != 3 || x.items["s SLOTS#p 0001"] != nil {
		t.Errorf("a slot: %v, %v after %v; slots %v", ok, err, x.Asked(), x.items)
	}
	x.Tell(storetest.Lie{}, storetest.LoseAnswer())
	if err := s.ReleaseTest(ctx, "p", "me"); err != nil || len(x.Asked()) != 3 || x.items["s SLOTS#p 0000"] != nil {
		t.Errorf("giving a slot back: %v after %v", err, x.Asked())
	}
	// Counters have no condition: what the SDK repeats counts twice, as the ports say.
	lose()
	if n, err := s.CountRequest(ctx, "p", at); n != 2 || err != nil || len(x.Asked()) != 2 {
		t.Errorf("counting a request: %d, %v after %v", n, err, x.Asked())
	}
	lose()
	if err := s.AddStats(ctx, "p", "w", webhook.Stats{Hour: at, Delivered: 1}); err != nil || len(x.Asked()) != 2 {
		t.Errorf("adding stats: %v after %v", err, x.Asked())
	}
}
