package wire

import (
	"context"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/egress"
	"github.com/cr3dentials/verification-webhooks/shared/env"
)

func environment(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": "http://localhost:1",
		env.ServiceTable: "service", env.DeliveriesTable: "deliveries", env.QueueURL: "http://localhost:1/queue",
		env.OwnHosts: "api.ours.com",
	} {
		t.Setenv(name, value)
	}
}

// TestEngineIsWhole: no port is left out, and no webhook leads to the product itself.
func TestEngineIsWhole(t *testing.T) {
	environment(t)
	e, err := Engine(t.Context(), slog.New(slog.DiscardHandler), env.ServiceTable, env.QueueURL)
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.IsExported() && v.Field(i).IsZero() && f.Name != "Group" && f.Name != "Sleep" { // nil is their standard
			t.Errorf("%s is not set", f.Name)
		}
	}
	client, ok := e.Sender.(*egress.Client)
	if !ok {
		t.Fatalf("the sender is a %T", e.Sender)
	}
	over, cancel := context.WithCancel(t.Context()) // nothing is looked up
	cancel()
	if _, err := client.CheckURL(over, "https://api.ours.com/"); err == nil || !strings.Contains(err.Error(), "lead back") {
		t.Errorf("our own host is accepted: %v", err)
	}
}

func TestBuildTellsWhatIsMissing(t *testing.T) {
	environment(t)
	t.Setenv(env.KMSKeyID, "")
	if _, err := Build(t.Context(), env.ServiceTable, env.KMSKeyID); err == nil || !strings.HasSuffix(err.Error(), ": "+env.KMSKeyID) {
		t.Errorf("got %v", err)
	}
	t.Setenv("AWS_REGION", "")
	if _, err := Build(t.Context()); err == nil || !strings.HasSuffix(err.Error(), ": AWS_REGION") {
		t.Errorf("got %v", err)
	}
}
