// Package functions_test checks the events to try the functions with.
package functions_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// read decodes a function's event, which must have no field that its type does not know.
func read(t *testing.T, function string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(function, "testdata", "event.json"))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", function, err)
	}
}

func TestDispatcherEvent(t *testing.T) {
	var e events.DynamoDBEvent
	read(t, "dispatcher", &e)
	var raw struct{ Records []json.RawMessage }
	read(t, "dispatcher", &raw)
	if len(raw.Records) != 1 {
		t.Fatalf("%d records", len(raw.Records))
	}
	r, ok, err := payload.Decode(raw.Records[0])
	if err != nil || !ok || r.Event.Type != webhook.Completed {
		t.Errorf("got %+v, %v, %v", r.Event, ok, err)
	}
}

func TestRetrierEvent(t *testing.T) {
	var e events.SQSEvent
	read(t, "retrier", &e)
	if len(e.Records) != 1 {
		t.Fatalf("%d records", len(e.Records))
	}
	m, err := queue.Decode(e.Records[0].Body)
	if err != nil || m.Kind != webhook.AttemptMessage || m.Number != 2 || !webhook.ValidDeliveryID(m.Ref.DeliveryID) {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestAPIEvents(t *testing.T) {
	for _, c := range []struct{ function, path, resource string }{
		{"portal", "/v1/openapi.json", "/{proxy+}"},
		{"admin", "/admin/partners", "/admin/{proxy+}"},
	} {
		var e events.APIGatewayProxyRequest
		read(t, c.function, &e)
		if e.Path != c.path || e.Resource != c.resource || e.RequestContext.Path != "/dev"+c.path || e.RequestContext.DomainName == "" {
			t.Errorf("%s: %+v", c.function, e)
		}
		if signed := e.RequestContext.Identity.UserArn != ""; signed != (c.function == "admin") {
			t.Errorf("%s: caller %q", c.function, e.RequestContext.Identity.UserArn)
		}
	}
}

func TestSweeperEvent(t *testing.T) {
	var e events.CloudWatchEvent
	read(t, "sweeper", &e)
	if e.Source != "aws.events" || e.DetailType != "Scheduled Event" {
		t.Errorf("got %+v", e)
	}
}
