package local

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Client calls the portal API with a partner's credential, or the admin API with AWS credentials.
type Client struct {
	// Base is the API's URL with its stage.
	Base string
	// Token is sent as a bearer token if set.
	Token string
	// Sign holds the AWS credentials that sign each request if set.
	Sign   aws.CredentialsProvider
	Region string
	// Service is the AWS service to sign for; API Gateway if empty.
	Service string
	// Watch, if set, sees every request's body and what came back.
	Watch func(request []byte, a Answer)
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request; body is nil, []byte (sent as it is) or anything that encodes to JSON. Only a request that got no
// answer is an error.
func (c Client) Do(ctx context.Context, method, path string, body any, headers ...string) (Answer, error) {
	var payload []byte
	if raw, ok := body.([]byte); ok {
		payload = raw
	} else if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return Answer{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+path, bytes.NewReader(payload))
	if err != nil {
		return Answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if c.Sign != nil {
		creds, err := c.Sign.Retrieve(ctx)
		if err != nil {
			return Answer{}, fmt.Errorf("AWS credentials: %w", err)
		}
		sum := sha256.Sum256(payload)
		err = v4.NewSigner().SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), cmp.Or(c.Service, "execute-api"), c.Region, time.Now())
		if err != nil {
			return Answer{}, err
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	a := Answer{resp.StatusCode, resp.Header, b}
	if c.Watch != nil {
		c.Watch(payload, a)
	}
	return a, err
}

// Call is Do for a request that must succeed: its answer is decoded into out, unless that is nil.
func (c Client) Call(ctx context.Context, method, path string, body, out any, headers ...string) error {
	a, err := c.Do(ctx, method, path, body, headers...)
	if err != nil {
		return err
	}
	if a.Status < 200 || a.Status > 299 {
		return fmt.Errorf("%s %s: %d %s", method, path, a.Status, a.Body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
