package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// demoName is the demo partner's, and the receiver's path for it.
const demoName = "demo"

// demo is what was made for the demonstration, and in which start of the emulator.
type demo struct {
	Instance  string `json:"instance"`
	PartnerID string `json:"partnerId"`
	APIKey    string `json:"apiKey"`
	WebhookID string `json:"webhookId"`
	Secret    string `json:"secret"`
}

// arrival is the webhook that showWebhook saw.
type arrival struct {
	request local.ReceivedRequest
	after   time.Duration
}

// makeDemo makes the partner, its key and its webhook through the APIs, or finds those of an earlier run.
func (s *session) makeDemo(ctx context.Context) error {
	receiver := local.NewReceiver(s.ports.Receiver(), s.ports.Control())
	s.run.ReceiverURL = receiver.URL(demoName)
	err := local.ReadJSON(s.state.File(local.DemoFile), &s.demo)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err != nil || s.demo.Instance != s.instance || !s.demoWorks(ctx) {
		if err := s.newDemo(ctx); err != nil {
			return err
		}
	} else {
		s.note = "(there already)"
	}
	s.run.PartnerID, s.run.APIKey = s.demo.PartnerID, s.demo.APIKey
	if err := receiver.SetPartner(ctx, demoName, s.demo.Secret); err != nil {
		return err
	}
	return local.WriteJSON(s.state.File(local.RunFile), s.run)
}

// demoWorks brings the earlier webhook back to where the demonstration needs it; false if there is none.
func (s *session) demoWorks(ctx context.Context) bool {
	c := local.Client{Base: s.run.APIURL, Token: s.demo.APIKey}
	change := map[string]any{"url": s.run.ReceiverURL, "active": true}
	return c.Call(ctx, "PATCH", "/v1/webhooks/"+s.demo.WebhookID, change, nil) == nil
}

func (s *session) newDemo(ctx context.Context) error {
	partnerID, apiKey, err := local.NewPartner(ctx, local.Admin(s.run), "Demo partner")
	if err != nil {
		return err
	}
	var hook struct{ ID, Secret string }
	c := local.Client{Base: s.run.APIURL, Token: apiKey}
	if err := c.Call(ctx, "POST", "/v1/webhooks", map[string]any{"url": s.run.ReceiverURL}, &hook); err != nil {
		return err
	}
	s.demo = demo{s.instance, partnerID, apiKey, hook.ID, hook.Secret}
	return local.WriteJSON(s.state.File(local.DemoFile), s.demo)
}

// showWebhook writes a verification record as a verification system does, and awaits its webhook at the receiver.
func (s *session) showWebhook(ctx context.Context) error {
	id := "ver_demo_" + strconv.FormatInt(time.Now().UnixMilli(), 36)
	written := time.Now()
	_, err := s.dynamo().PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.run.VerificationsTable, Item: local.GuideRecord(id, s.run.PartnerID, "VERIFIED"),
	})
	if err != nil {
		return err
	}
	receiver := local.NewReceiver(s.ports.Receiver(), s.ports.Control())
	found := local.Await(30*time.Second, 50*time.Millisecond, func() bool {
		e, err := receiver.Effects(ctx, demoName)
		if err != nil {
			return false
		}
		i := slices.IndexFunc(e.Requests, func(r local.ReceivedRequest) bool {
			data, ok := r.Body["data"].(map[string]any)
			return ok && data["verificationId"] == id && r.Status != 0
		})
		if i >= 0 {
			s.arrived = arrival{e.Requests[i], time.UnixMilli(e.Requests[i].At).Sub(written)}
		}
		return i >= 0
	})
	switch {
	case !found:
		return fmt.Errorf("no webhook arrived within 30 s; look at %s, and at GET /v1/webhooks/%s/deliveries",
			s.state.File("emulator.log"), s.demo.WebhookID)
	case !s.arrived.request.Verified:
		return fmt.Errorf("the receiver refused the webhook's signature")
	}
	return nil
}

// report prints what arrived and where everything is.
func (s *session) report() {
	r := s.arrived.request
	var body bytes.Buffer
	if err := json.Indent(&body, []byte(r.Text), "  ", "  "); err != nil {
		body.WriteString(r.Text)
	}
	fmt.Printf("\nThe webhook arrived %d ms after its record was written: POST %s\n", s.arrived.after.Milliseconds(), s.run.ReceiverURL)
	names := make([]string, 0, len(r.Headers))
	for name := range r.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Printf("  %s: %s\n", name, r.Headers[name])
	}
	fmt.Printf("  %s\nThe partner guide's handler says: signature verified, answered %d.\n", &body, r.Status)
	fmt.Printf("\n  console   %s\n  API       %s/v1\n  AWS       %s (test/test, %s)\n  details   %s\n",
		s.run.ConsoleURL, s.run.APIURL, s.run.AWSEndpoint, s.run.Region, s.state.File(local.RunFile))
}
