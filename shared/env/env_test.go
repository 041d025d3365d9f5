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
	t.Setenv(env.FrameAncestors, "https://portal.example.com")
	got, err := env.Read(env.ServiceTable, env.VerificationsTable)
	want := env.Config{
		ServiceTable: "service", VerificationsTable: "verifications", OwnHosts: []string{"a.example.com", "b.example.com"},
		EventBus: "operations", HoldTime: 24 * time.Hour, FrameAncestors: []string{"https://portal.example.com"},
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

func TestFrameAncestors(t *testing.T) {
	const local, dev = "local", "dev"
	for _, c := range []struct {
		list, stage string
		want        []string
		refused     bool
	}{
		{list: "", stage: dev},
		{list: "https://portal.example.com, https://a.example.com:8443", stage: dev, want: []string{"https://portal.example.com", "https://a.example.com:8443"}},
		{list: "http://localhost:3000 https://a.example.com", stage: local, want: []string{"http://localhost:3000", "https://a.example.com"}},
		{list: "http://localhost:3000", stage: dev, refused: true},
		{list: "http://portal.example.com", stage: local, refused: true},
		{list: "https://a.example.com,portal.example.com", stage: dev, refused: true},
		{list: "https://a.example.com/", stage: dev, refused: true},
		{list: "https://a.example.com/path", stage: dev, refused: true},
		{list: "https://user@a.example.com", stage: dev, refused: true},
		{list: "https://a.example.com;script-src", stage: dev, refused: true},
		{list: "https://*.example.com", stage: dev, refused: true},
		{list: "https://*", stage: dev, refused: true},
		{list: "https:", stage: dev, refused: true},
		{list: "https://:443", stage: dev, refused: true},
		{list: "https://a.example.com\nX-Header:", stage: dev, refused: true},
		{list: "'none'", stage: dev, refused: true},
		{list: "*", stage: dev, refused: true},
	} {
		t.Setenv(env.FrameAncestors, c.list)
		t.Setenv(env.Stage, c.stage)
		got, err := env.Read()
		if (err != nil) != c.refused || len(got.FrameAncestors) != len(c.want) || len(c.want) > 0 && !reflect.DeepEqual(got.FrameAncestors, c.want) {
			t.Errorf("%q at stage %s: %q, %v", c.list, c.stage, got.FrameAncestors, err)
		}
	}
}
