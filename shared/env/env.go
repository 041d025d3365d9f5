// Package env names the environment variables of the functions, once: infra sets them and the functions read them.
package env

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// The names.
const (
	ServiceTable    = "SERVICE_TABLE"    // DynamoDB: partners, credentials, webhooks, stats, outbox
	DeliveriesTable = "DELIVERIES_TABLE" // DynamoDB: deliveries
	QueueURL        = "QUEUE_URL"        // SQS: the delivery queue
	ParkedBucket    = "PARKED_BUCKET"    // S3: parked records
	DeadLettersURL  = "DEAD_LETTERS_URL" // SQS: what the delivery queue gave up on
	EventBus        = "EVENT_BUS"        // EventBridge: where operational events go; the default bus if empty
	KMSKeyID        = "KMS_KEY_ID"       // KMS: wraps the data keys
	HoldHours       = "HOLD_HOURS"       // how long events are held for an inactive webhook
	Stage           = "STAGE"            // local, dev or prod
	Deployment      = "DEPLOYMENT"       // the deployment's label, by which its metrics are told from others'; none are written without it
	ConsoleURL      = "CONSOLE_URL"      // the console's address where it is not the API's own; may be empty

	VerificationsTable = "VERIFICATIONS_TABLE" // DynamoDB: verification records; previews of templates and reconciliation read it
	OwnHosts           = "OWN_HOSTS"           // host names of this product itself, comma separated; may be empty
	FrameAncestors     = "FRAME_ANCESTORS"     // origins whose pages may embed the console, comma separated; may be empty
)

// Config is what the functions are told. A function reads only what it was given in infra.
type Config struct {
	ServiceTable, DeliveriesTable, VerificationsTable, QueueURL, DeadLettersURL, ParkedBucket, EventBus, KMSKeyID string
	Stage, ConsoleURL                                                                                             string

	// OwnHosts are the host names under which this product answers, as far as the function was told.
	OwnHosts []string
	// FrameAncestors are the origins whose pages may embed the console.
	FrameAncestors []string
	HoldTime       time.Duration
}

// Read returns the configuration from the environment; it names every required variable that is missing.
func Read(required ...string) (Config, error) {
	var missing []string
	for _, name := range required {
		if os.Getenv(name) == "" {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return Config{}, fmt.Errorf("missing environment variables: %s", strings.Join(missing, ", "))
	}
	c := Config{
		ServiceTable: os.Getenv(ServiceTable), DeliveriesTable: os.Getenv(DeliveriesTable),
		VerificationsTable: os.Getenv(VerificationsTable), QueueURL: os.Getenv(QueueURL),
		DeadLettersURL: os.Getenv(DeadLettersURL), ParkedBucket: os.Getenv(ParkedBucket), EventBus: os.Getenv(EventBus),
		KMSKeyID: os.Getenv(KMSKeyID),
		Stage:    os.Getenv(Stage), ConsoleURL: os.Getenv(ConsoleURL), HoldTime: 7 * 24 * time.Hour,
		OwnHosts: List(os.Getenv(OwnHosts)),
	}
	var err error
	if c.FrameAncestors, err = Origins(os.Getenv(FrameAncestors), c.Stage == "local"); err != nil {
		return Config{}, fmt.Errorf("%s: %w", FrameAncestors, err)
	}
	if v := os.Getenv(HoldHours); v != "" {
		d, err := time.ParseDuration(v + "h")
		if err != nil || d <= 0 {
			return Config{}, fmt.Errorf("%s: not a number of hours", HoldHours)
		}
		c.HoldTime = d
	}
	return c, nil
}

// List splits a list at commas and spaces.
func List(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// Origins splits a list of origins, and refuses what is none: they go into a header. They are https; at the local stage
// http://localhost will do.
func Origins(text string, local bool) ([]string, error) {
	origins := List(text)
	for _, o := range origins {
		if !isOrigin(o, local) {
			return nil, fmt.Errorf("%q is not an origin such as https://portal.example.com", o)
		}
	}
	return origins, nil
}

func isOrigin(text string, local bool) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || text != u.Scheme+"://"+u.Host {
		return false
	}
	// A host may hold other characters as well, for a policy's syntax among them.
	if strings.Trim(u.Host, "abcdefghijklmnopqrstuvwxyz0123456789-.:") != "" {
		return false
	}
	return u.Scheme == "https" || local && u.Scheme == "http" && u.Hostname() == "localhost"
}
