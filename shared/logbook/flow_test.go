package logbook_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/lambdarun/gateway"
	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/portal"
	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// system is all five functions, each invoked as Lambda does, over ports in memory and a clock that the queue moves. What
// they log is what a deployment's log groups hold.
type system struct {
	t      *testing.T
	now    time.Time
	store  *memory.Store
	queue  *memory.Queue
	engine *delivery.Engine
	portal http.Handler
	admin  http.Handler
	out    bytes.Buffer
	log    *slog.Logger
	// fails is how many of the next attempts fail.
	fails       int
	invocations int
	records     int
}

func newSystem(t *testing.T) *system {
	t.Setenv(env.Deployment, "test")
	s := &system{t: t, now: time.Now().Truncate(time.Second), store: memory.NewStore(), queue: &memory.Queue{}}
	s.log = lambdarun.NewLogger(&s.out, "")
	objects, vault := memory.NewObjects(), &memory.Vault{}
	clock := func() time.Time { return s.now }
	s.engine = &delivery.Engine{
		Store: s.store, Queue: s.queue, Sender: s, Vault: vault, Objects: objects, Bus: &memory.Bus{}, Now: clock,
		IDs: webhook.IDSource{Now: clock, Rand: rand.Reader}, HoldTime: time.Hour, Log: s.log,
	}
	s.portal = portal.New(portal.Config{
		Store: s.store, Vault: vault, Queue: s.queue, Sender: s, URLs: s, Verifications: memory.Verifications{}, Now: clock, Rand: rand.Reader, Log: s.log,
	})
	s.admin = portal.NewAdmin(portal.AdminConfig{
		Store: s.store, Parked: objects, Queue: s.queue, Vault: vault, Now: clock, Rand: rand.Reader, Log: s.log,
	})
	return s
}

// Send is every endpoint.
func (s *system) Send(context.Context, webhook.Request) webhook.Response {
	r := webhook.Response{StatusCode: 200, StartedAt: s.now, Duration: 70 * time.Millisecond}
	if s.fails > 0 {
		s.fails--
		r.StatusCode, r.ErrorCode = 503, webhook.ErrHTTPStatus
	}
	return r
}

// CheckURL allows any.
func (s *system) CheckURL(_ context.Context, raw string) (string, error) { return raw, nil }

// invoke is one invocation, with its own request id.
func (s *system) invoke(event any, f lambdarun.Invocation) []byte {
	s.t.Helper()
	s.invocations++
	raw, err := json.Marshal(event)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx := lambdacontext.NewContext(s.t.Context(), &lambdacontext.LambdaContext{AwsRequestID: fmt.Sprintf("invocation-%04d", s.invocations)})
	answer, err := lambdarun.Handler(s.log, f).Invoke(ctx, raw)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// verify is the stream's record of a verification that became VERIFIED.
func (s *system) verify(partner, verification string) {
	s.t.Helper()
	s.records++
	image := func(status string) map[string]any {
		return map[string]any{"verificationId": map[string]string{"S": verification}, "partnerId": map[string]string{"S": partner}, "status": map[string]string{"S": status}}
	}
	record := map[string]any{"eventName": "MODIFY", "dynamodb": map[string]any{
		"ApproximateCreationDateTime": s.now.Add(-2 * time.Second).Unix(), "SequenceNumber": fmt.Sprint(s.records), "OldImage": image("PENDING"), "NewImage": image("VERIFIED"),
	}}
	s.invoke(map[string]any{"Records": []any{record}}, func(ctx context.Context, event []byte) (any, []slog.Attr, error) {
		return lambdarun.StreamEvent(ctx, event, s.engine.Dispatch)
	})
}

// retry is the queue and the retrier, until nothing is left.
func (s *system) retry() {
	s.t.Helper()
	for range 100 {
		ms := s.queue.Take()
		if len(ms) == 0 {
			return
		}
		slices.SortStableFunc(ms, func(a, b webhook.Message) int { return int(a.Delay - b.Delay) })
		s.now = s.now.Add(ms[0].Delay)
		for i := range ms[1:] {
			ms[i+1].Delay -= ms[0].Delay
		}
		if err := s.queue.Send(s.t.Context(), ms[1:]...); err != nil {
			s.t.Fatal(err)
		}
		body, err := queue.Encode(ms[0])
		if err != nil {
			s.t.Fatal(err)
		}
		s.invoke(events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: body}}}, func(ctx context.Context, event []byte) (any, []slog.Attr, error) {
			return lambdarun.QueueEvent(ctx, event, s.engine.Receive)
		})
	}
	s.t.Fatal("the queue does not get empty")
}

func (s *system) sweep() {
	s.invoke(nil, func(ctx context.Context, _ []byte) (any, []slog.Attr, error) {
		out, err := s.engine.Sweep(ctx)
		return nil, []slog.Attr{slog.Any("result", out)}, err
	})
}

// ask is a request to one of the APIs; it returns the answer's body.
func (s *system) ask(key, method, path, body string) map[string]any {
	s.t.Helper()
	h := s.portal
	in := events.APIGatewayProxyRequest{HTTPMethod: method, Path: path, Body: body, Headers: map[string]string{"Authorization": "Bearer " + key}}
	if in.RequestContext.RequestID = fmt.Sprintf("gateway-%04d", s.invocations); strings.HasPrefix(path, "/admin") {
		h, in.RequestContext.Identity.UserArn = s.admin, "arn:aws:iam::111122223333:user/ops"
	}
	if body != "" {
		in.Headers["Content-Type"] = "application/json"
	}
	raw := s.invoke(in, func(ctx context.Context, event []byte) (any, []slog.Attr, error) { return gateway.Event(ctx, event, h) })
	var out events.APIGatewayProxyResponse
	var answer map[string]any
	if err := json.Unmarshal(raw, &out); err != nil || out.StatusCode >= 300 {
		s.t.Fatalf("%s %s: %v, %+v", method, path, err, out)
	}
	if out.Body != "" {
		if err := json.Unmarshal([]byte(out.Body), &answer); err != nil {
			s.t.Fatal(err)
		}
	}
	return answer
}

// of returns the only delivery of a verification.
func (s *system) of(verification string) webhook.Delivery {
	s.t.Helper()
	for _, d := range s.store.AllDeliveries() {
		if d.Event.VerificationID == verification {
			return d
		}
	}
	s.t.Fatalf("no delivery of %s", verification)
	return webhook.Delivery{}
}

// live is all that a webhook sees in its life.
func (s *system) live() (webhookID string) {
	s.ask("", "POST", "/admin/partners", `{"id":"acme","name":"Acme"}`)
	key, _ := s.ask("", "POST", "/admin/partners/acme/api-keys", "")["key"].(string)
	id, _ := s.ask(key, "POST", "/v1/webhooks", `{"url":"https://hooks.example.com/in"}`)["id"].(string)
	hook := "/v1/webhooks/" + id
	s.now = s.now.Add(time.Minute)

	s.fails = 2
	s.verify("acme", "ver_retried")
	s.retry()
	delivered := hook + "/deliveries/" + s.of("ver_retried").ID
	s.ask(key, "GET", delivered, "")
	s.ask(key, "POST", delivered+"/resend", "")
	s.retry()

	s.fails = 6
	s.verify("acme", "ver_exhausted")
	s.retry()
	s.verify("acme", "ver_held")
	s.ask(key, "POST", hook+"/activate", "")
	s.retry()

	s.fails = 1
	s.verify("acme", "ver_forgotten")
	s.queue.Take()
	s.now = s.now.Add(10 * time.Minute)
	s.sweep()
	s.retry()

	s.verify("nobody", "ver_parked")
	for line := range bytes.Lines(s.out.Bytes()) {
		if parked := fields(s.t, line)["parkedId"]; parked != nil {
			s.ask("", "POST", "/admin/partners", `{"id":"nobody","name":"Nobody"}`)
			nobody, _ := s.ask("", "POST", "/admin/partners/nobody/api-keys", "")["key"].(string)
			s.ask(nobody, "POST", "/v1/webhooks", `{"url":"https://hooks.example.com/none","eventTypes":["verification.expired"]}`)
			s.ask("", "POST", "/admin/parked/"+parked.(string)+"/redrive", "")
			break
		}
	}
	s.retry()
	return id
}
