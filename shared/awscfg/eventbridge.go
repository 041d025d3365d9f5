package awscfg

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
)

const (
	// eventTimeout bounds one try of a request to EventBridge, and eventAttempts is how often one is tried. Events are
	// published beside deliveries, which must not wait long for it: what could not be published stands in the outbox.
	eventTimeout  = 1500 * time.Millisecond
	eventAttempts = 2
)

// EventBridge returns a client of EventBridge.
func EventBridge(cfg aws.Config) *eventbridge.Client {
	return eventbridge.NewFromConfig(cfg, func(o *eventbridge.Options) {
		o.HTTPClient = client(eventTimeout)
		o.RetryMaxAttempts = eventAttempts
	})
}
