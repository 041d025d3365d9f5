package dynamo_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// answer is a table that gives the same answer to every request.
type answer struct {
	status int
	body   string
}

func (a answer) RoundTrip(*http.Request) (*http.Response, error) {
	if a.status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

func exception(name string) string {
	return `{"__type":"com.amazonaws.dynamodb.v20120810#` + name + `","message":"m"}`
}

func cancelled(codes ...string) string {
	reasons := make([]string, len(codes))
	for i, c := range codes {
		reasons[i] = `{"Code":"` + c + `"}`
	}
	return `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"m","CancellationReasons":[` +
		strings.Join(reasons, ",") + `]}`
}

func TestErrorCodes(t *testing.T) {
	one := deliveries(storetest.Delivery("p", "w", "v", at))
	two := deliveries(storetest.Delivery("p", "w", "v", at), storetest.Delivery("p", "w", "v2", at))
	for name, c := range map[string]struct {
		change webhook.Change
		answer answer
		want   webhook.Code
	}{
		"condition":           {one, answer{400, exception("ConditionalCheckFailedException")}, webhook.Conflict},
		"conflict":            {one, answer{400, exception("TransactionConflictException")}, webhook.Conflict},
		"throughput":          {one, answer{400, exception("ProvisionedThroughputExceededException")}, webhook.Unavailable},
		"throttled":           {one, answer{400, exception("ThrottlingException")}, webhook.Unavailable},
		"request limit":       {one, answer{400, exception("RequestLimitExceeded")}, webhook.Unavailable},
		"no permission":       {one, answer{400, exception("AccessDeniedException")}, webhook.Unavailable},
		"fault":               {one, answer{500, exception("InternalServerError")}, webhook.Unavailable},
		"proxy":               {one, answer{503, "<html>"}, webhook.Unavailable},
		"no connection":       {one, answer{}, webhook.Unavailable},
		"validation":          {one, answer{400, exception("ValidationException")}, webhook.Internal},
		"in progress":         {two, answer{400, exception("TransactionInProgressException")}, webhook.Unavailable},
		"cancelled condition": {two, answer{400, cancelled("None", "ConditionalCheckFailed")}, webhook.Conflict},
		"cancelled conflict":  {two, answer{400, cancelled("TransactionConflict", "None")}, webhook.Conflict},
		"cancelled throttled": {two, answer{400, cancelled("None", "ThrottlingError")}, webhook.Unavailable},
		"cancelled invalid":   {two, answer{400, cancelled("ConditionalCheckFailed", "ValidationError")}, webhook.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the SDK pauses between tries
			s := dynamo.New(newClient("http://tables.invalid", c.answer), dynamo.Options{ServiceTable: "s", DeliveriesTable: "d"})
			err := s.Commit(context.Background(), c.change)
			if got := webhook.CodeOf(err); got != c.want {
				t.Fatalf("got %q (%v), want %q", got, err, c.want)
			}
			if c.change.Deliveries[0].Rev != 0 {
				t.Fatal("a failed commit changed Rev")
			}
		})
	}
	t.Run("cancelled context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s := dynamo.New(newClient("http://tables.invalid", answer{}), dynamo.Options{ServiceTable: "s", DeliveriesTable: "d"})
		if _, err := s.Partner(ctx, "p"); webhook.CodeOf(err) != webhook.Unavailable {
			t.Fatalf("got %v, want unavailable", err)
		}
	})
}
