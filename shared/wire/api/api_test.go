package api

import (
	"context"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/portal"
)

// TestOwnHosts: no webhook may lead to a name that the environment tells, nor to the one that the gateway was called by.
func TestOwnHosts(t *testing.T) {
	t.Setenv(env.OwnHosts, "console.ours.com, api.ours.com")
	cfg, err := env.Read()
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(cfg)
	// Over at once, so that nothing is looked up: what follows the rules is accepted.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	called := portal.WithCaller(ctx, portal.Caller{BaseURL: "https://abc.execute-api.eu-west-1.amazonaws.com/prod"})
	for _, tt := range []struct {
		ctx     context.Context
		url     string
		refused bool
	}{
		{ctx, "https://console.ours.com/", true}, {ctx, "https://api.ours.com:8443/hook", true}, {ctx, "https://ours.com/", false},
		{called, "https://abc.execute-api.eu-west-1.amazonaws.com/prod/v1", true}, {called, "https://api.ours.com/", true},
		{called, "https://def.execute-api.eu-west-1.amazonaws.com/prod/v1", false},
		{ctx, "https://abc.execute-api.eu-west-1.amazonaws.com/", false},
		{portal.WithCaller(ctx, portal.Caller{BaseURL: ":"}), "https://example.com/", false},
	} {
		_, err := client.CheckURL(tt.ctx, tt.url)
		if refused := err != nil && strings.Contains(err.Error(), "lead back"); refused != tt.refused || err != nil && !refused {
			t.Errorf("%s: %v, refused should be %v", tt.url, err, tt.refused)
		}
	}
}
