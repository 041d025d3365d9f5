package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const day = 24 * time.Hour

// costCase is one mix of a million deliveries.
type costCase struct {
	name string
	over time.Duration // how long the million is spread over
	run  func(context.Context, *bench) (costed, error)
}

// costed is what the deliveries of a case took.
type costed struct {
	name       string
	over       time.Duration
	deliveries int
	attempts   int // POSTs of what grows with the deliveries
	// each is what grows with the deliveries, once what happens once however many they are.
	each, once map[string]*spent
}

// Every endpoint answers after 50 ms. Each of ten partners has one webhook, and a batch has its records in turn.
const (
	costPartners = 10
	costQuery    = "delay=50ms"
)

func costCases() []costCase {
	success := func(batch, invocations int) func(context.Context, *bench) (costed, error) {
		return func(ctx context.Context, b *bench) (costed, error) { return costSuccess(ctx, b, batch, invocations) }
	}
	return []costCase{
		{"delivered at once, batches of 100", time.Hour, success(100, 10)},
		{"delivered at once, batches of 10", day, success(10, 20)},
		{"delivered at once, one by one", 30 * day, success(1, 25)},
		{"5 % of the attempts fail", day, costFailing},
		{"one of ten endpoints dead for three days", 3 * day, costDead},
	}
}

// costs measures all cases.
func (b *bench) costs(ctx context.Context) ([]costed, error) {
	var all []costed
	for _, c := range costCases() {
		got, err := undisturbed(func() (costed, error) { return c.run(ctx, b) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		got.name, got.over = c.name, c.over
		all = append(all, got)
	}
	return all, nil
}

// costStage makes a stage with the partners, whose endpoints do what query says, and opens its connections.
func (b *bench) costStage(ctx context.Context, query func(partner int) string, functions ...string) (*stage, []webhook.Webhook, error) {
	s, err := b.newStage(ctx, functions...)
	if err != nil {
		return nil, nil, err
	}
	hooks := make([]webhook.Webhook, costPartners)
	for i := range hooks {
		_, made, err := s.partner(ctx, 1, func(int) string { return b.receiver.url(i, query(i)) })
		if err != nil {
			s.close()
			return nil, nil, err
		}
		hooks[i] = made[0]
	}
	return s, hooks, nil
}

// batch makes records of some webhooks' partners in turn.
func batch(m *maker, hooks []webhook.Webhook, size int) [][]byte {
	records := make([][]byte, size)
	for i := range records {
		records[i] = m.record(hooks[int(m.sequence)%len(hooks)].PartnerID, time.Now())
	}
	return records
}

// costSuccess: every attempt succeeds.
func costSuccess(ctx context.Context, b *bench, size, invocations int) (costed, error) {
	s, hooks, err := b.costStage(ctx, func(int) string { return costQuery }, "dispatcher")
	if err != nil {
		return costed{}, err
	}
	defer s.close()
	m := newMaker(3)
	for warm := 1; warm <= costPartners; warm += max(1, size/4) {
		if err := s.dispatch(ctx, batch(m, hooks, min(size, warm))...); err != nil {
			return costed{}, err
		}
	}
	out := costed{deliveries: size * invocations, each: map[string]*spent{}}
	if _, err := b.receiver.arrivals(ctx); err != nil {
		return out, err
	}
	s.count(out.each)
	for range invocations {
		if err := s.dispatch(ctx, batch(m, hooks, size)...); err != nil {
			return out, err
		}
	}
	out.attempts = out.deliveries
	return out, b.expect(ctx, out, out.attempts, 0)
}

// expect compares the POSTs and the messages of a case with what they must be if no answer was slow: on a busy machine a
// second may pass, and then other things happen.
func (b *bench) expect(ctx context.Context, c costed, posts, messages int) error {
	arrived, err := b.receiver.arrivals(ctx)
	if err != nil {
		return err
	}
	got := 0
	for _, all := range []map[string]*spent{c.each, c.once} {
		for _, m := range all {
			got += m.Counts.Messages
		}
	}
	if int(arrived.Posts) != posts || got != messages {
		return fmt.Errorf("%w: %d POSTs, want %d; %d messages, want %d", errDisturbed, arrived.Posts, posts, got, messages)
	}
	return nil
}

// Each failEvery-th attempt of each endpoint fails: of 19 deliveries one, which makes 20 attempts.
const (
	failEvery    = 20
	failBatches  = 19
	failMessages = 3 // a failed attempt takes the webhook off the stream's path until three have succeeded
)

// costFailing: attempts fail now and then, fast, and succeed when they are repeated.
func costFailing(ctx context.Context, b *bench) (costed, error) {
	run := time.Now().UnixNano() // the receiver counts by URL
	warm := 2
	s, hooks, err := b.costStage(ctx, func(i int) string {
		return fmt.Sprintf("%s&every=%d&from=%d&run=%d", costQuery, failEvery, warm+2+i, run)
	}, "dispatcher", "retrier")
	if err != nil {
		return costed{}, err
	}
	defer s.close()
	m := newMaker(4)
	for range warm {
		if err := s.dispatch(ctx, batch(m, hooks, costPartners)...); err != nil {
			return costed{}, err
		}
	}
	out := costed{deliveries: costPartners * failBatches, each: map[string]*spent{}}
	if _, err := b.receiver.arrivals(ctx); err != nil {
		return out, err
	}
	s.count(out.each)
	for range failBatches {
		if err := s.dispatch(ctx, batch(m, hooks, costPartners)...); err != nil {
			return out, err
		}
		if err := s.work(ctx, true); err != nil {
			return out, err
		}
	}
	out.attempts = out.deliveries * failEvery / (failEvery - 1)
	return out, b.expect(ctx, out, out.attempts, (out.attempts-out.deliveries)*failMessages)
}

// What is held is looked at a minute after it was held, then daily: three times in three days.
const (
	deadBatches = 40
	deadDays    = 3
	deadRound   = 6 // attempts of the round that switches the webhook off
)

// costDead: the last of the partners' endpoints is dead. Its first event is tried six times and switches the webhook off,
// the others are held for days. Then the partner activates it, and all are brought.
func costDead(ctx context.Context, b *bench) (costed, error) {
	run := time.Now().UnixNano()
	s, hooks, err := b.costStage(ctx, func(i int) string {
		if i < costPartners-1 {
			return costQuery
		}
		return fmt.Sprintf("%s&fail=%d&run=%d", costQuery, deadRound, run)
	}, "dispatcher", "retrier", "sweeper", "portal", "admin")
	if err != nil {
		return costed{}, err
	}
	defer s.close()
	dead, m := hooks[costPartners-1], newMaker(5)
	key, err := s.warmDead(ctx, m, hooks)
	if err != nil {
		return costed{}, err
	}
	out := costed{deliveries: costPartners * deadBatches, each: map[string]*spent{}, once: map[string]*spent{}}
	if _, err := b.receiver.arrivals(ctx); err != nil {
		return out, err
	}
	for i := range deadBatches {
		s.count(out.each)
		if err := s.dispatch(ctx, batch(m, hooks, costPartners)...); err != nil {
			return out, err
		}
		if i == 0 { // the round
			s.count(out.once)
			if err := s.work(ctx, true); err != nil {
				return out, err
			}
		}
	}
	waiting, err := s.held(ctx, dead)
	if err != nil {
		return out, err
	}
	if len(waiting) != deadBatches {
		return out, fmt.Errorf("%w: %d deliveries are held, want %d", errDisturbed, len(waiting), deadBatches)
	}
	s.count(out.each)
	for range deadDays {
		if err := s.sweep(ctx, waiting); err != nil {
			return out, err
		}
	}
	s.count(out.once)
	if err := s.ask(ctx, "portal", "POST", "/v1/webhooks/"+dead.ID+"/activate", key, struct{}{}, nil); err != nil {
		return out, err
	}
	s.count(out.each)
	if err := s.work(ctx, false); err != nil {
		return out, err
	}
	if n, err := s.delivered(ctx, []webhook.Webhook{dead}); err != nil || n != deadBatches {
		return out, errors.Join(err, fmt.Errorf("%w: %d of %d were brought", errDisturbed, n, deadBatches))
	}
	out.attempts = out.deliveries
	return out, b.expect(ctx, out, out.attempts+deadRound, deadMessages)
}

// deadMessages are those of the round's five retries, and of the drain: its beginning, and one to make good its loss.
const deadMessages = 7

// warmDead opens connections and makes an API key of the last partner.
func (s *stage) warmDead(ctx context.Context, m *maker, hooks []webhook.Webhook) (key string, err error) {
	for range 2 {
		if err := s.dispatch(ctx, batch(m, hooks[:costPartners-1], costPartners-1)...); err != nil {
			return "", err
		}
	}
	if err := s.sweep(ctx, nil); err != nil {
		return "", err
	}
	var made struct{ Key string }
	path := "/admin/partners/" + hooks[costPartners-1].PartnerID + "/api-keys"
	if err := s.ask(ctx, "admin", "POST", path, "", struct{}{}, &made); err != nil {
		return "", err
	}
	var list struct{}
	return made.Key, s.ask(ctx, "portal", "GET", "/v1/webhooks", made.Key, struct{}{}, &list)
}
