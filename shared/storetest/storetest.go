// Package storetest holds one conformance suite per port. Every implementation, in memory or on AWS, runs the same
// suite; the ports' comments are what it checks.
package storetest

import (
	"context"
	"crypto/rand"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/portal"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Store is what a store must be.
type Store interface {
	delivery.Store
	portal.Store
}

// Vault is what a vault must be.
type Vault interface {
	delivery.Vault
	portal.Vault
}

// Objects is what a store of objects must be.
type Objects interface {
	delivery.Objects
	portal.Parked
}

// Endpoint returns the AWS endpoint that the environment variable E2E_ENDPOINT names. Without one the test is skipped,
// unless CI=true asks for all tests: then it fails, except in the quick tier (-short).
func Endpoint(t *testing.T) string {
	t.Helper()
	e := os.Getenv("E2E_ENDPOINT")
	if e == "" {
		if os.Getenv("CI") == "true" && !testing.Short() {
			t.Fatal("E2E_ENDPOINT is not set")
		}
		t.Skip("needs an AWS endpoint in E2E_ENDPOINT, such as the awsEndpoint of run.json")
	}
	return e
}

// start is the time at which the suites' things happen. Stores must keep times to the nanosecond, in UTC.
func start() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.UTC) }

func ids() webhook.IDSource { return webhook.IDSource{Now: time.Now, Rand: rand.Reader} }

// testContext bounds one test's calls.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func wantCode(t *testing.T, err error, code webhook.Code) {
	t.Helper()
	if got := webhook.CodeOf(err); got != code {
		t.Fatalf("got code %q (%v), want %q", got, err, code)
	}
}

func wantEqual(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %s\nwant %s", show(got), show(want))
	}
}

// eventually waits until get returns want: reads that are eventually consistent get 10 s.
func eventually[T any](t *testing.T, want T, get func() T) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		got := get()
		if reflect.DeepEqual(got, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("got  %s\nwant %s", show(got), show(want))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// collect reads a list to its end, limit items at a time.
func collect[T any](t *testing.T, limit int, list func(webhook.Page) ([]T, []byte, error)) []T {
	t.Helper()
	all := []T{}
	var after []byte
	const tooMany = 1000
	for range tooMany {
		items, next, err := list(webhook.Page{Limit: limit, After: after})
		must(t, err)
		if len(items) > limit {
			t.Fatalf("a page of %d items, limit %d", len(items), limit)
		}
		all = append(all, items...)
		if next == nil {
			return all
		}
		after = next
	}
	t.Fatalf("the list does not end after %d pages", tooMany)
	return nil
}

// eachLimit checks that a list gives want to its end, whatever the limit of its pages.
func eachLimit[T any](t *testing.T, want []string, id func(T) string, list func(webhook.Page) ([]T, []byte, error)) {
	t.Helper()
	limits(t, []int{1, 2, 3, 4, 5}, want, id, list)
}

// limits is eachLimit for some limits.
func limits[T any](t *testing.T, each []int, want []string, id func(T) string, list func(webhook.Page) ([]T, []byte, error)) {
	t.Helper()
	for _, limit := range each {
		eventually(t, want, func() []string {
			got := []string{}
			for _, x := range collect(t, limit, list) {
				got = append(got, id(x))
			}
			return got
		})
	}
}

// newPartner stores a partner with a new id.
func newPartner(t *testing.T, s Store) *webhook.Partner {
	t.Helper()
	p := &webhook.Partner{ID: ids().Partner(), Name: "Lender", CreatedAt: start(), UpdatedAt: start()}
	must(t, s.Commit(testContext(t), webhook.Change{Partner: p}))
	return p
}

// newWebhook stores a webhook with a new id.
func newWebhook(t *testing.T, s Store, partnerID string) *webhook.Webhook {
	t.Helper()
	w := &webhook.Webhook{
		PartnerID: partnerID, ID: ids().Webhook(), URL: "https://partner.example/hooks", Active: true, Generation: 1,
		CreatedAt: start(), UpdatedAt: start(),
	}
	must(t, s.Commit(testContext(t), webhook.Change{Webhook: w}))
	return w
}

// Delivery returns a pending delivery that is not stored yet, of an event that occurred at the given time.
func Delivery(partnerID, webhookID, verificationID string, at time.Time) *webhook.Delivery {
	sequence := strings.Repeat("4", 20) + at.UTC().Format("150405000000000")
	e := webhook.Event{
		ID: webhook.EventID(verificationID, sequence, at), Type: webhook.Completed, PartnerID: partnerID,
		VerificationID: verificationID, OccurredAt: at, Sequence: sequence,
	}
	return &webhook.Delivery{
		PartnerID: partnerID, WebhookID: webhookID, ID: webhook.DeliveryID(e, webhookID), Event: e,
		State: webhook.StatePending, Body: []byte(`{"type":"verification.completed"}`), CreatedAt: at, UpdatedAt: at,
		Generation: 1,
	}
}

// store commits new deliveries.
func store(t *testing.T, s Store, ds ...*webhook.Delivery) {
	t.Helper()
	for _, d := range ds {
		must(t, s.Commit(testContext(t), webhook.Change{Deliveries: []*webhook.Delivery{d}}))
	}
}
