package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// stage is a world whose functions run, whose queue is handed on and whose clock is led by hand, so that every operation
// of some deliveries is counted, from the stream to the end of the last retry. One thing happens at a time.
//
// Nobody waits for a delay: the queue is read as of the time when its next message is ready, and what the retrier and the
// sweeper compare with their clock, the stored due time, is moved to now first. The stage's own reads and writes are not
// counted.
type stage struct {
	*world
	functions map[string]*function
	spent     map[string]*spent // by function; nil while nothing is counted
}

// spent is what the counted invocations of a function took.
type spent struct {
	usage
	fastest time.Duration
	alike   float64 // invocations whose time is taken for fastest
}

// newStage makes a world with some functions.
func (b *bench) newStage(ctx context.Context, names ...string) (*stage, error) {
	w, err := b.newWorld(0)
	if err != nil {
		return nil, err
	}
	s := &stage{world: w, functions: map[string]*function{}}
	for _, name := range names {
		f, err := w.function(ctx, name)
		if err != nil {
			s.close()
			return nil, err
		}
		s.functions[name] = f
	}
	w.services.SetLatency(stubLatency)
	return s, nil
}

func (s *stage) close() {
	for _, f := range s.functions {
		f.stop()
	}
	s.world.close()
}

// count counts what follows into into, or not at all if that is nil.
func (s *stage) count(into map[string]*spent) { s.spent = into }

// call invokes a function and counts what it asked of the services. alike tells that it does what its other invocations
// do, in the same number: then the fastest stands for all, since what the others took longer is this machine's other work.
func (s *stage) call(ctx context.Context, name string, event []byte, alike bool) ([]byte, error) {
	f := s.functions[name]
	s.services.Reset()
	logged := f.log.n.Load()
	before, err := f.cpu()
	if err != nil {
		return nil, err
	}
	i, err := f.invoke(ctx, event, functionTimeout)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	after, err := f.cpu()
	if err != nil || s.spent == nil {
		return i.answer, err
	}
	m := s.spent[name]
	if m == nil {
		memory, err := s.bench.memoryMB(name)
		if err != nil {
			return nil, err
		}
		m = &spent{usage: usage{MemoryMB: float64(memory)}}
		s.spent[name] = m
	}
	m.Invocations++
	m.CPU += after - before
	m.LogBytes += float64(f.log.n.Load() - logged)
	m.Counts.Add(s.services.Counts())
	if !alike {
		m.Wall += i.duration()
		return i.answer, nil
	}
	if m.alike++; m.fastest == 0 || i.duration() < m.fastest {
		m.fastest = i.duration()
	}
	return i.answer, nil
}

// wall is what the invocations took together.
func (m *spent) wall() time.Duration { return m.Wall + time.Duration(m.alike)*m.fastest }

// dispatch hands records to the dispatcher.
func (s *stage) dispatch(ctx context.Context, records ...[]byte) error {
	answer, err := s.call(ctx, "dispatcher", streamEvent(records...), true)
	if err == nil && strings.Contains(string(answer), "itemIdentifier") {
		err = errors.New("records failed: " + tail(string(answer)))
	}
	return err
}

// longestDelay is more than any message's.
const longestDelay = 16 * time.Minute

// work hands the queue's messages to the retrier, one at a time, in the order in which they become ready, until there are
// none. alike is as in call.
func (s *stage) work(ctx context.Context, alike bool) error {
	for ahead := time.Duration(0); ahead < longestDelay; {
		ms := s.services.Receive(deliveryQueue, time.Now().Add(ahead), 1)
		if len(ms) == 0 {
			ahead += time.Second
			continue
		}
		s.services.Delete(deliveryQueue, ms[0].ID)
		if err := s.hand(ctx, ms[0], alike); err != nil {
			return err
		}
		ahead = 0
	}
	return nil
}

// hand makes the attempt that a message asks for due, and hands the message to the retrier.
func (s *stage) hand(ctx context.Context, m stub.Message, alike bool) error {
	decoded, err := queue.Decode(m.Body)
	if err != nil {
		return err
	}
	if decoded.Kind == webhook.AttemptMessage {
		err := s.move(ctx, decoded.Ref, func(d *webhook.Delivery, now time.Time) bool {
			late := d.State == webhook.StatePending && d.NextAttemptAt.After(now)
			if late {
				d.NextAttemptAt = now
			}
			return late
		})
		if err != nil {
			return err
		}
	}
	answer, err := s.call(ctx, "retrier", queueEvent([]stub.Message{m}), alike)
	if counted := s.spent["retrier"]; counted != nil { // what Lambda's poller asks for besides
		counted.Counts.Calls["SQS.ReceiveMessage"]++
		counted.Counts.Calls["SQS.DeleteMessageBatch"]++
	}
	if err == nil && strings.Contains(string(answer), "itemIdentifier") {
		err = errors.New("a message failed: " + tail(string(answer)))
	}
	return err
}

// move changes a stored time of a delivery, if change says so.
func (s *stage) move(ctx context.Context, ref webhook.Ref, change func(*webhook.Delivery, time.Time) bool) error {
	d, err := s.store.Delivery(ctx, ref)
	if err != nil {
		return err
	}
	// Times are stored in milliseconds.
	if !change(&d, time.Now().Add(-time.Millisecond)) {
		return nil
	}
	return s.store.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{&d}})
}

// held lists what waits for a webhook.
func (s *stage) held(ctx context.Context, hook webhook.Webhook) ([]webhook.Ref, error) {
	var all []webhook.Ref
	page := webhook.Page{Limit: 100}
	for {
		refs, next, err := s.store.Held(ctx, hook.PartnerID, hook.ID, page)
		if err != nil {
			return nil, err
		}
		all = append(all, refs...)
		if next == nil {
			return all, nil
		}
		page.After = next
	}
}

// sweep runs the sweeper once. With refs it is as if these were due.
func (s *stage) sweep(ctx context.Context, refs []webhook.Ref) error {
	for _, ref := range refs {
		err := s.move(ctx, ref, func(d *webhook.Delivery, now time.Time) bool { d.DueAt = now; return true })
		if err != nil {
			return err
		}
	}
	_, err := s.call(ctx, "sweeper", []byte(`{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`), false)
	return err
}

// ask makes a request of the portal's or the administration's API and reads the answer into out, if it is one.
func (s *stage) ask(ctx context.Context, function, method, path, key string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	header := map[string]string{"content-type": "application/json", "authorization": "Bearer " + key, "host": "localhost"}
	many := map[string][]string{}
	for name, value := range header {
		many[name] = []string{value}
	}
	event, err := json.Marshal(events.APIGatewayProxyRequest{
		Resource: "/{proxy+}", Path: path, HTTPMethod: method, Headers: header, MultiValueHeaders: many,
		Body: base64.StdEncoding.EncodeToString(body), IsBase64Encoded: true,
		RequestContext: events.APIGatewayProxyRequestContext{
			Stage: "bench", Path: "/bench" + path, HTTPMethod: method, RequestID: "request",
			Identity: events.APIGatewayRequestIdentity{SourceIP: "203.0.113.10", UserArn: "arn:aws:iam::111122223333:user/ops"},
		},
	})
	if err != nil {
		return err
	}
	answer, err := s.call(ctx, function, event, false)
	if err != nil {
		return err
	}
	var r events.APIGatewayProxyResponse
	if err := json.Unmarshal(answer, &r); err != nil {
		return err
	}
	if r.IsBase64Encoded {
		text, err := base64.StdEncoding.DecodeString(r.Body)
		if err != nil {
			return err
		}
		r.Body = string(text)
	}
	if r.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %d %s", method, path, r.StatusCode, tail(r.Body))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal([]byte(r.Body), out)
}
