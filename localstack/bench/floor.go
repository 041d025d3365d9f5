package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// runFloor posts the bytes of the same load with net/http and nothing else: as many at once, signed in the same way,
// over connections that are kept. It stores nothing, logs nothing and checks nothing but the status.
func runFloor(l load) (loaded, error) {
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: batchSize, MaxIdleConns: batchSize * endpoints, DisableCompression: true},
		Timeout:   30 * time.Second,
	}
	partners := loadPartners()
	type post struct {
		id   string
		body []byte
	}
	posts := make([]post, l.Warm+l.Deliveries)
	for i, raw := range loadRecords(l, partners) {
		r := decoded(raw)
		posts[i] = post{webhook.DeliveryID(r.Event, "whk_"+partners[i%endpoints]), defaultBody(raw)}
	}
	at := receiver{receiverPorts: receiverPorts{Ports: l.Ports}}
	hooks := make([]webhook.Webhook, endpoints)
	for i := range hooks {
		hooks[i].URL = at.url(i, "")
	}
	secrets := webhook.Secrets{Signing: l.Secret}

	one := func(i int) error {
		signed := delivery.BuildRequest(&hooks[i%endpoints], secrets, posts[i].id, webhook.Completed, 1, posts[i].body, time.Now())
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, signed.URL, bytes.NewReader(signed.Body))
		if err != nil {
			return err
		}
		for _, h := range signed.Headers {
			req.Header.Set(h.Name, h.Value)
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return nil
	}
	var failed atomic.Int64
	return measureLoad(l, func(from, to int) error {
		var next atomic.Int64
		next.Store(int64(from))
		var wg sync.WaitGroup
		for range batchSize {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < int64(to); i = next.Add(1) - 1 {
					if one(int(i)) != nil {
						failed.Add(1)
					}
				}
			})
		}
		wg.Wait()
		return nil
	}, func() int { return int(failed.Load()) })
}
