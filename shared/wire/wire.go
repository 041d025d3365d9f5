// Package wire builds what the functions run from their configuration: the delivery engine here, the APIs in its
// sub-package api, so that the functions that serve no requests do not link them.
package wire

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cr3dentials/verification-webhooks/shared/awscfg"
	"github.com/cr3dentials/verification-webhooks/shared/bus"
	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/egress"
	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/objects"
	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/vault"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Parts are the adapters that all functions have, built once per process; its methods build the others. What a function
// has no configuration for, it must not use.
type Parts struct {
	Config env.Config
	Store  *dynamo.Store
	Queue  *queue.Queue
	Vault  *vault.Vault

	aws aws.Config
}

// Build reads the configuration from the environment; it fails if one of the required variables is missing.
func Build(ctx context.Context, required ...string) (Parts, error) {
	cfg, err := awscfg.Load(ctx)
	if err != nil {
		return Parts{}, err
	}
	return build(cfg, required...)
}

func build(awsConfig aws.Config, required ...string) (Parts, error) {
	cfg, err := env.Read(required...)
	if err != nil {
		return Parts{}, err
	}
	store := dynamo.New(awscfg.DynamoDB(awsConfig), dynamo.Options{
		ServiceTable: cfg.ServiceTable, DeliveriesTable: cfg.DeliveriesTable, VerificationsTable: cfg.VerificationsTable,
	})
	return Parts{
		Config: cfg,
		Store:  store,
		Queue:  queue.New(awscfg.SQS(awsConfig), cfg.QueueURL),
		Vault:  vault.New(vault.Options{KMS: awscfg.KMS(awsConfig), KeyID: cfg.KMSKeyID, Keys: store}),
		aws:    awsConfig,
	}, nil
}

// Objects returns the bucket of parked records.
func (p Parts) Objects() *objects.Objects {
	return objects.New(awscfg.S3(p.aws), p.Config.ParkedBucket)
}

// DeadLetters returns the queue of what the delivery queue gave up on.
func (p Parts) DeadLetters() *queue.DeadLetters {
	return queue.NewDeadLetters(awscfg.SQS(p.aws), p.Config.DeadLettersURL, p.Queue)
}

// Engine returns the delivery engine.
func Engine(ctx context.Context, log *slog.Logger, required ...string) (*delivery.Engine, error) {
	p, err := Build(ctx, required...)
	if err != nil {
		return nil, err
	}
	return &delivery.Engine{
		Store: p.Store, Queue: p.Queue, Vault: p.Vault, Objects: p.Objects(),
		Sender: egress.New(egress.Options{OwnHosts: p.Config.OwnHosts}),
		Bus:    bus.New(awscfg.EventBridge(p.aws), p.Config.EventBus),
		IDs:    webhook.IDSource{Now: time.Now, Rand: rand.Reader}, Now: time.Now, HoldTime: p.Config.HoldTime, Log: log,
	}, nil
}

// Reconciler returns an engine that can reconcile and nothing else, since it needs no secrets and sends nothing, and the
// store with the verification records. It is for a person's machine, whose credentials are not a function's.
func Reconciler(awsConfig aws.Config, log *slog.Logger) (*delivery.Engine, *dynamo.Store, error) {
	p, err := build(awsConfig, env.ServiceTable, env.DeliveriesTable, env.VerificationsTable, env.QueueURL, env.ParkedBucket)
	if err != nil {
		return nil, nil, err
	}
	return &delivery.Engine{
		Store: p.Store, Queue: p.Queue, Objects: p.Objects(), HoldTime: p.Config.HoldTime, Log: log,
		IDs: webhook.IDSource{Now: time.Now, Rand: rand.Reader}, Now: time.Now,
	}, p.Store, nil
}

// Stored returns the stores of deliveries and verification records, and the bucket. They are for a person's machine, as
// Reconciler.
func Stored(awsConfig aws.Config) (*dynamo.Store, *objects.Objects, error) {
	p, err := build(awsConfig, env.ServiceTable, env.DeliveriesTable, env.VerificationsTable, env.ParkedBucket)
	if err != nil {
		return nil, nil, err
	}
	return p.Store, p.Objects(), nil
}
