package receivers_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes/docgen"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// vectorsFile is what the tests of the console's signature helper read.
const vectorsFile = "../../shared/portal/console/src/signature/testdata/vectors.json"

var update = flag.Bool("update", false, "write the vectors anew")

type vector struct {
	Name    string            `json:"name"`
	Secret  string            `json:"secret"`
	Next    string            `json:"next,omitempty"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// TestConsoleVectors holds the requests that the console's helper is tested with to what the product sends.
func TestConsoleVectors(t *testing.T) {
	at := time.Unix(1_764_000_000, 0)
	var all []vector
	add := func(name, key, next string, body []byte) {
		w := &webhook.Webhook{}
		if next != "" {
			w.Rotation = &webhook.Rotation{EndsAt: at.Add(time.Hour)}
		}
		v := vector{Name: name, Secret: key, Next: next, Headers: map[string]string{}, Body: string(body)}
		for header, values := range sign(w, webhook.Secrets{Signing: key, Next: next}, body, at).headers {
			v.Headers[strings.ToLower(header)] = values[0]
		}
		all = append(all, v)
	}
	keys := []string{secret, another, "topsecret", "a secret of 24 printable characters: {%&} whsec_", "whsec_not base64!"}
	for i, b := range vectorBodies(t) {
		add(b.name, keys[i%len(keys)], "", b.body)
	}
	add("a rotation", secret, another, []byte(`{"type":"verification.completed","status":"success","data":{"verificationId":"ver_1"}}`))

	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(all); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(vectorsFile, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, out.Bytes()) {
		t.Errorf("%s is not what the product sends; go test ./localstack/receivers -run ConsoleVectors -update writes it anew", vectorsFile)
	}
}

// vectorBodies are small ones of every kind.
func vectorBodies(t *testing.T) []named {
	t.Helper()
	const small, randoms = 1200, 30
	var all []named
	add := func(name string, v jsbytes.Value) {
		b, err := jsbytes.Marshal(v)
		if err != nil {
			t.Fatal(name, err)
		}
		if len(b) <= small {
			all = append(all, named{name, b})
		}
	}
	for _, e := range docgen.Extremes() {
		add(e.Name, e.Body)
	}
	for i := uint64(0); len(all) < randoms; i++ {
		add("at random", docgen.New(seed, i).Body())
	}
	return all
}
