package awscfg_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/cr3dentials/verification-webhooks/shared/awscfg"
)

// TestEventBridge: deliveries do not wait long for an event bus that fails or hangs.
func TestEventBridge(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" {
			t.Errorf("asked for %s", r.Header.Get("X-Amz-Target"))
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer server.Close()
	client := awscfg.EventBridge(load(t, server.URL))
	_, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{
		Entries: []types.PutEventsRequestEntry{{Source: aws.String("s"), DetailType: aws.String("d"), Detail: aws.String("{}")}},
	})
	if err == nil || calls != 2 {
		t.Errorf("%d tries, %v; want 2", calls, err)
	}
	h, ok := client.Options().HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		t.Fatalf("the client is a %T", client.Options().HTTPClient)
	}
	if d := h.GetTimeout(); d != 1500*time.Millisecond {
		t.Errorf("a try may take %v, want 1.5 s", d)
	}
}
