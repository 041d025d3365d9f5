// Package wire builds what the functions run from their configuration.
package wire

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/awscfg"
	"github.com/cr3dentials/verification-webhooks/shared/bus"
	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/egress"
	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/objects"
	"github.com/cr3dentials/verification-webhooks/shared/portal"
	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/vault"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// parts are the adapters, built once per process. What a function has no configuration for, it must not use.
type parts struct {
	cfg     env.Config
	store   *dynamo.Store
	queue   *queue.Queue
	dead    *queue.DeadLetters
	vault   *vault.Vault
	objects *objects.Objects
	bus     *bus.Bus
	client  *egress.Client
}

func build(ctx context.Context, required ...string) (parts, error) {
	cfg, err := env.Read(required...)
	if err != nil {
		return parts{}, err
	}
	awsConfig, err := awscfg.Load(ctx)
	if err != nil {
		return parts{}, err
	}
	store := dynamo.New(awscfg.DynamoDB(awsConfig), dynamo.Options{
		ServiceTable: cfg.ServiceTable, DeliveriesTable: cfg.DeliveriesTable, VerificationsTable: cfg.VerificationsTable,
	})
	sqs := awscfg.SQS(awsConfig)
	deliveries := queue.New(sqs, cfg.QueueURL)
	return parts{
		cfg:     cfg,
		store:   store,
		queue:   deliveries,
		dead:    queue.NewDeadLetters(sqs, cfg.DeadLettersURL, deliveries),
		vault:   vault.New(vault.Options{KMS: awscfg.KMS(awsConfig), KeyID: cfg.KMSKeyID, Keys: store}),
		objects: objects.New(awscfg.S3(awsConfig), cfg.ParkedBucket),
		bus:     bus.New(awscfg.EventBridge(awsConfig), cfg.EventBus),
		client:  newClient(cfg),
	}, nil
}

func newClient(cfg env.Config) *egress.Client {
	return egress.New(egress.Options{OwnHosts: cfg.OwnHosts, CalledHost: calledHost})
}

// calledHost returns the host under which the gateway was called: the API's own name, which its functions cannot have
// in their environment where a template names them in the API's definition (SAM).
func calledHost(ctx context.Context) string {
	u, err := url.Parse(portal.CallerFrom(ctx).BaseURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Engine returns the delivery engine, and the function that closes its connections, for the end of an invocation.
func Engine(ctx context.Context, log *slog.Logger, required ...string) (*delivery.Engine, func(), error) {
	p, err := build(ctx, required...)
	if err != nil {
		return nil, nil, err
	}
	return &delivery.Engine{
		Store: p.store, Queue: p.queue, Sender: p.client, Vault: p.vault, Objects: p.objects, Bus: p.bus,
		IDs: webhook.IDSource{Now: time.Now, Rand: rand.Reader}, Now: time.Now, HoldTime: p.cfg.HoldTime, Log: log,
	}, p.client.CloseIdle, nil
}

// Reconciler returns an engine that can reconcile and nothing else, since it needs no secrets and sends nothing, and the
// store with the verification records.
func Reconciler(ctx context.Context, log *slog.Logger) (*delivery.Engine, *dynamo.Store, error) {
	p, err := build(ctx, env.ServiceTable, env.DeliveriesTable, env.VerificationsTable, env.QueueURL, env.ParkedBucket)
	if err != nil {
		return nil, nil, err
	}
	return &delivery.Engine{
		Store: p.store, Queue: p.queue, Objects: p.objects, HoldTime: p.cfg.HoldTime, Log: log,
		IDs: webhook.IDSource{Now: time.Now, Rand: rand.Reader}, Now: time.Now,
	}, p.store, nil
}

// Portal returns the partners' API, and the function that closes its connections, for the end of an invocation.
func Portal(ctx context.Context, log *slog.Logger) (http.Handler, func(), error) {
	p, err := build(ctx, env.ServiceTable, env.DeliveriesTable, env.VerificationsTable, env.QueueURL, env.KMSKeyID)
	if err != nil {
		return nil, nil, err
	}
	return portal.New(portal.Config{
		Store: p.store, Vault: p.vault, Queue: p.queue, Sender: p.client, URLs: p.client, Verifications: p.store,
		Now: time.Now, Rand: rand.Reader, Log: log, Version: egress.Version,
	}), p.client.CloseIdle, nil
}

// Admin returns the administrators' API.
func Admin(ctx context.Context, log *slog.Logger) (http.Handler, error) {
	p, err := build(ctx,
		env.ServiceTable, env.DeliveriesTable, env.QueueURL, env.DeadLettersURL, env.ParkedBucket, env.KMSKeyID)
	if err != nil {
		return nil, err
	}
	return portal.NewAdmin(portal.AdminConfig{
		Store: p.store, Parked: p.objects, DeadLetters: p.dead, Queue: p.queue, Vault: p.vault,
		Now: time.Now, Rand: rand.Reader, Log: log, ConsoleURL: p.cfg.ConsoleURL, Version: egress.Version,
	}), nil
}
