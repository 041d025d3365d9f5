package queue_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/storetest/forms"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestGolden holds the bytes: messages of the version before are still on their way when a new one is deployed.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		message webhook.Message
		body    string
	}{
		{
			webhook.Message{
				Kind: webhook.AttemptMessage, Number: 2,
				Ref: webhook.Ref{PartnerID: "prt_1", WebhookID: "whk_1", DeliveryID: "dlv_1"},
			},
			`{"v":1,"kind":"attempt","partnerId":"prt_1","webhookId":"whk_1","deliveryId":"dlv_1","number":2}`,
		},
		{
			webhook.Message{Kind: webhook.DiscardMessage, Step: 3, Ref: webhook.Ref{PartnerID: "prt_1", WebhookID: "whk_1"}},
			`{"v":1,"kind":"discard","partnerId":"prt_1","webhookId":"whk_1","step":3}`,
		},
		{
			webhook.Message{
				Kind: webhook.JobMessage, Job: webhook.DrainJob, Step: 7, Ref: webhook.Ref{PartnerID: "prt_1", WebhookID: "whk_1"},
			},
			`{"v":1,"kind":"job","partnerId":"prt_1","webhookId":"whk_1","job":"drain","step":7}`,
		},
		{
			webhook.Message{Kind: webhook.RedriveMessage, ParkedID: "prk_1"},
			`{"v":1,"kind":"redrive","parkedId":"prk_1"}`,
		},
	} {
		body, err := queue.Encode(c.message)
		if err != nil || body != c.body {
			t.Errorf("encoded %+v as %s, %v; want %s", c.message, body, err, c.body)
		}
		m, err := queue.Decode(c.body)
		if err != nil || m != c.message {
			t.Errorf("decoded %s as %+v, %v; want %+v", c.body, m, err, c.message)
		}
	}
}

// TestForms holds messages to the golden files of all releases.
func TestForms(t *testing.T) {
	kinds := map[string]forms.Form{}
	for _, kind := range []webhook.MessageKind{
		webhook.AttemptMessage, webhook.DiscardMessage, webhook.AbandonMessage, webhook.JobMessage, webhook.RedriveMessage,
	} {
		var m webhook.Message
		storetest.Fill(t, &m)
		m.Kind, m.Delay = kind, 0
		body, err := queue.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		kinds[string(kind)] = forms.Form{
			Written: []byte(body), Read: func(b []byte) (any, error) { return queue.Decode(string(b)) },
		}
	}
	forms.Run(t, 1, kinds)
}

// TestLaterMessage: a later release's message is told as what it is; it stays on the queue, then with the dead letters.
func TestLaterMessage(t *testing.T) {
	m, err := queue.Decode(`{"v":2,"kind":"attempt","partnerId":"p"}`)
	if webhook.CodeOf(err) != webhook.Corrupt || !strings.Contains(err.Error(), "a later release's") {
		t.Errorf("got %+v, %v", m, err)
	}
	if m, err = queue.Decode(`{"v":1,"kind":"redrive","parkedId":"prk_1","later":[1]}`); err != nil || m.ParkedID != "prk_1" {
		t.Errorf("with a member that came later: %+v, %v", m, err)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~äöü€]{0,40}`)
		number := rapid.IntRange(0, 1<<40)
		m := webhook.Message{
			Kind: rapid.SampledFrom([]webhook.MessageKind{
				webhook.AttemptMessage, webhook.DiscardMessage, webhook.AbandonMessage, webhook.JobMessage, webhook.RedriveMessage,
			}).Draw(t, "kind"),
			Ref: webhook.Ref{
				PartnerID: text.Draw(t, "partner"), WebhookID: text.Draw(t, "webhook"), DeliveryID: text.Draw(t, "delivery"),
			},
			Job:    webhook.JobKind(text.Draw(t, "job")),
			Number: number.Draw(t, "number"), Step: number.Draw(t, "step"), ParkedID: text.Draw(t, "parked"),
		}
		body, err := queue.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := queue.Decode(body)
		if err != nil || got != m {
			t.Fatalf("got %+v, %v; want %+v", got, err, m)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	for _, body := range []string{
		"", "null", "hello", "[]", `{"kind":"attempt"}`, `{"v":2,"kind":"attempt"}`, `{"v":1,"kind":"drain"}`,
		`{"v":1,"kind":"attempt","number":"2"}`, `{"v":1,"kind":"attempt"} {}`,
	} {
		if m, err := queue.Decode(body); webhook.CodeOf(err) != webhook.Corrupt {
			t.Errorf("%s: got %+v, %v; want corrupt", body, m, err)
		}
	}
}
