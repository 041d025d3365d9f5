// Package api builds the partners' and the administrators' API from the configuration of their functions.
package api

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/egress"
	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/portal"
	"github.com/cr3dentials/verification-webhooks/shared/wire"
)

// Portal returns the partners' API.
func Portal(ctx context.Context, log *slog.Logger) (http.Handler, error) {
	p, err := wire.Build(ctx, env.ServiceTable, env.DeliveriesTable, env.VerificationsTable, env.QueueURL, env.KMSKeyID)
	if err != nil {
		return nil, err
	}
	client := newClient(p.Config)
	return portal.New(portal.Config{
		Store: p.Store, Vault: p.Vault, Queue: p.Queue, Sender: client, URLs: client, Verifications: p.Store,
		Now: time.Now, Rand: rand.Reader, Log: log, Version: egress.Version,
		FrameAncestors: p.Config.FrameAncestors,
	}), nil
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

// Admin returns the administrators' API.
func Admin(ctx context.Context, log *slog.Logger) (http.Handler, error) {
	p, err := wire.Build(ctx,
		env.ServiceTable, env.DeliveriesTable, env.QueueURL, env.DeadLettersURL, env.ParkedBucket, env.KMSKeyID)
	if err != nil {
		return nil, err
	}
	return portal.NewAdmin(portal.AdminConfig{
		Store: p.Store, Parked: p.Objects(), DeadLetters: p.DeadLetters(), Queue: p.Queue, Vault: p.Vault,
		Now: time.Now, Rand: rand.Reader, Log: log, ConsoleURL: p.Config.ConsoleURL, Version: egress.Version,
	}), nil
}
