package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/vault"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// The names of a world's parts.
const (
	serviceTable    = "service"
	deliveriesTable = "deliveries"
	deliveryQueue   = "delivery"
	keyID           = "bench"
)

// stubLatency is how long DynamoDB, SQS and KMS take to answer unless a figure says otherwise.
const stubLatency = 3 * time.Millisecond

// world is a deployment of the product: its tables and its queue behind one https endpoint, and the processes of its
// functions.
type world struct {
	bench    *bench
	services *stub.Services
	times    *storeTimes
	server   *http.Server
	endpoint string
	queueURL string
	store    *dynamo.Store
	client   *dynamodb.Client
	vault    *vault.Vault
	ids      webhook.IDSource
}

// newWorld makes an empty one. The endpoint speaks https, as AWS' do, HTTP/1.1 alone as DynamoDB's does.
func (b *bench) newWorld(latency time.Duration) (*world, error) {
	s := stub.New(stub.Options{})
	s.CreateTable(serviceTable)
	s.CreateTable(deliveriesTable,
		stub.Index{Name: env.ByVerification, Partition: env.ByVerificationPartition, Sort: env.ByVerificationSort},
		stub.Index{Name: env.ByDue, Partition: env.ByDuePartition, Sort: env.ByDueSort, SortNumber: true},
		stub.Index{Name: env.ByHeld, Partition: env.ByHeldPartition, Sort: env.ByHeldSort, Projection: []string{env.ByHeldState}},
	)
	config, err := b.ca.ServerTLS()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &world{
		bench: b, services: s, times: &storeTimes{Handler: s}, endpoint: fmt.Sprintf("https://127.0.0.1:%d", portOf(l)),
		ids: webhook.IDSource{Now: time.Now, Rand: rand.Reader},
	}
	w.server = &http.Server{
		Handler: w.times, TLSConfig: config, ReadHeaderTimeout: time.Minute,
		ErrorLog:     log.New(io.Discard, "", 0),                               // of handshakes that a client gives up
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // no HTTP/2
	}
	s.SetBase(w.endpoint)
	w.queueURL = s.CreateQueue(deliveryQueue)
	go func() { _ = w.server.ServeTLS(l, "", "") }()

	// The bench itself calls the services without a network in between.
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://stub"), HTTPClient: &http.Client{Transport: direct{s}},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	w.client = dynamodb.NewFromConfig(cfg)
	w.store = dynamo.New(w.client, dynamo.Options{ServiceTable: serviceTable, DeliveriesTable: deliveriesTable})
	w.vault = vault.New(vault.Options{KMS: kms.NewFromConfig(cfg), KeyID: keyID, Keys: w.store})
	s.SetLatency(latency)
	return w, nil
}

func (w *world) close() { _ = w.server.Close() }

// direct calls a handler in place of a server.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	d.handler.ServeHTTP(rec, in)
	return rec.Result(), nil
}

// environment is what infra sets for a function, and what leads it here: it trusts the bench's CA and nothing else.
func (w *world) environment() []string {
	return []string{
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=test",
		"AWS_ENDPOINT_URL=" + w.endpoint, "SSL_CERT_FILE=" + filepath.Join(w.bench.dir, local.CACertFile),
		env.ServiceTable + "=" + serviceTable, env.DeliveriesTable + "=" + deliveriesTable,
		env.QueueURL + "=" + w.queueURL, env.ParkedBucket + "=parked", env.KMSKeyID + "=" + keyID, env.Stage + "=bench",
		env.VerificationsTable + "=verifications", env.DeadLettersURL + "=" + w.queueURL,
	}
}

// function starts a function of this world.
func (w *world) function(ctx context.Context, name string, extra ...string) (*function, error) {
	return w.bench.startFunction(ctx, name, w.environment(), extra...)
}

// partner makes a partner with webhooks, the i-th for url(i), as the administration and the portal would.
func (w *world) partner(ctx context.Context, webhooks int, url func(i int) string) (string, []webhook.Webhook, error) {
	made := time.Now().Add(-time.Hour)
	p := webhook.Partner{ID: w.ids.Partner(), Name: "Bench", CreatedAt: made, UpdatedAt: made, WebhookCount: webhooks}
	if err := w.store.Commit(ctx, webhook.Change{Partner: &p}); err != nil {
		return "", nil, err
	}
	all := make([]webhook.Webhook, webhooks)
	for i := range all {
		hook, err := w.newWebhook(ctx, p.ID, url(i), made)
		if err != nil {
			return "", nil, err
		}
		if err := w.store.Commit(ctx, webhook.Change{Webhook: &hook}); err != nil {
			return "", nil, err
		}
		all[i] = hook
	}
	return p.ID, all, nil
}

func (w *world) newWebhook(ctx context.Context, partnerID, url string, at time.Time) (webhook.Webhook, error) {
	return sealedWebhook(ctx, w.vault, w.ids, w.bench.secret, partnerID, url, at)
}

// sealedWebhook is a webhook as a partner would have made it.
func sealedWebhook(ctx context.Context, v *vault.Vault, ids webhook.IDSource, secret, partnerID, url string, at time.Time) (webhook.Webhook, error) {
	hook := webhook.Webhook{
		PartnerID: partnerID, ID: ids.Webhook(), URL: url, Active: true, EverActive: true, Generation: 1,
		TypeNaming: webhook.GuideNaming, SecretHint: secret[len(secret)-4:], CreatedAt: at, UpdatedAt: at,
	}
	var err error
	hook.Sealed, err = v.SealSecrets(ctx, &hook, webhook.Secrets{Signing: secret})
	return hook, err
}

// delivered counts the deliveries of webhooks that are delivered, up to a hundred of each.
func (w *world) delivered(ctx context.Context, hooks []webhook.Webhook) (int, error) {
	n := 0
	for _, h := range hooks {
		items, _, err := w.store.Deliveries(ctx, webhook.DeliveryQuery{
			PartnerID: h.PartnerID, WebhookID: h.ID, State: webhook.Delivered, Page: webhook.Page{Limit: 100},
		})
		if err != nil {
			return 0, err
		}
		n += len(items)
	}
	return n, nil
}
