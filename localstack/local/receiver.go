package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// StartReceiver starts a partner's server (localstack/receivers) on express or express4 and waits until it answers.
func StartReceiver(ctx context.Context, root string, d Dir, name, flavour string, port, control int) (Process, error) {
	for _, p := range []int{port, control} {
		if err := CheckFree(p, "the "+name); err != nil {
			return Process{}, err
		}
	}
	p, err := Start(name, port, d.File(name+".log"), []string{"PATH=" + os.Getenv("PATH"), "NODE_ENV=production"},
		filepath.Join(root, "localstack", "receivers"), "node", "receiver.js", flavour,
		strconv.Itoa(port), strconv.Itoa(control), d.File(CertFile), d.File(CertKeyFile))
	if err != nil {
		return p, err
	}
	c := Receiver{Client{Base: "http://127.0.0.1:" + strconv.Itoa(control)}, port}
	ready := Await(20*time.Second, 50*time.Millisecond, func() bool {
		return !p.Alive() || c.control.Call(ctx, "GET", "/ready", nil, nil) == nil
	})
	if !ready || !p.Alive() {
		return p, fmt.Errorf("the %s did not start; see %s", name, d.File(name+".log"))
	}
	return p, nil
}

// Receiver talks to a receiver's control port.
type Receiver struct {
	control Client
	port    int
}

// NewReceiver returns the receiver that listens on these ports.
func NewReceiver(port, control int) Receiver {
	return Receiver{Client{Base: "http://127.0.0.1:" + strconv.Itoa(control)}, port}
}

// URL is the endpoint of a named partner.
func (r Receiver) URL(name string) string {
	return fmt.Sprintf("https://localhost:%d/%s/webhook/cr3dentials", r.port, name)
}

// SetPartner gives a named partner its webhook's secret and forgets what it received.
func (r Receiver) SetPartner(ctx context.Context, name, secret string) error {
	return r.control.Call(ctx, "PUT", "/partners/"+name, map[string]string{"secret": secret}, nil)
}

// Effects is what the guide's handler did for one partner, and the requests that made it.
type Effects struct {
	Statuses      map[string]string
	Notifications []struct {
		Kind      string
		SessionID int64 `json:"sessionId"`
	}
	Requests []ReceivedRequest
}

// ReceivedRequest is one request as the receiver saw it.
type ReceivedRequest struct {
	At      int64 // unix milliseconds
	Headers map[string]string
	Body    map[string]any
	// Text is the body as the receiver writes it again, in the order in which it came.
	Text      string
	Verified  bool
	Duplicate bool
	Status    int
}

// Effects reads what happened for a named partner.
func (r Receiver) Effects(ctx context.Context, name string) (Effects, error) {
	var e Effects
	err := r.control.Call(ctx, "GET", "/partners/"+name, nil, &e)
	return e, err
}
