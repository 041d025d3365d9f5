package env_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

func TestRead(t *testing.T) {
	t.Setenv(env.ServiceTable, "service")
	t.Setenv(env.VerificationsTable, "verifications")
	t.Setenv(env.OwnHosts, "a.example.com, b.example.com,")
	t.Setenv(env.HoldHours, "24")
	t.Setenv(env.EventBus, "operations")
	got, err := env.Read(env.ServiceTable, env.VerificationsTable)
	want := env.Config{
		ServiceTable: "service", VerificationsTable: "verifications", OwnHosts: []string{"a.example.com", "b.example.com"},
		EventBus: "operations", HoldTime: 24 * time.Hour,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := env.Read(env.QueueURL, env.ServiceTable, env.KMSKeyID); err == nil ||
		!strings.Contains(err.Error(), "QUEUE_URL, KMS_KEY_ID") || strings.Contains(err.Error(), "SERVICE_TABLE") {
		t.Errorf("got %v", err)
	}
	for _, hours := range []string{"0", "-1", "x"} {
		t.Setenv(env.HoldHours, hours)
		if _, err := env.Read(); err == nil {
			t.Errorf("%q hours are accepted", hours)
		}
	}
}
