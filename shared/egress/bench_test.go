package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// receiverEnv makes the test binary an ordinary https endpoint: its processor time is then not the client's.
const receiverEnv = "EGRESS_TEST_RECEIVER"

// serveReceiver answers every request with 200 and a short body, one to /large with 1 MiB, until the standard input ends.
func serveReceiver() error {
	a, err := makeAuthority()
	if err != nil {
		return err
	}
	configs, err := hostileTLS(a)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	large := make([]byte, 1<<20)
	s := &http.Server{
		ReadHeaderTimeout: 10 * time.Second, ErrorLog: discardLog(),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if r.URL.Path == "/large" {
				_, _ = w.Write(large)
				return
			}
			_, _ = io.WriteString(w, "ok")
		}),
	}
	go func() { _ = s.Serve(tls.NewListener(l, configs[validTLS])) }()
	started := receiver{l.Addr().(*net.TCPAddr).Port, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})}
	if err := json.NewEncoder(os.Stdout).Encode(started); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

type receiver struct {
	Port int
	CA   []byte // PEM
}

func (r receiver) url(path string) string {
	return fmt.Sprintf("https://%s:%d%s", testHost, r.Port, path)
}

func startReceiver(tb testing.TB) (receiver, *x509.CertPool) {
	tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), receiverEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close() // the receiver's sign to end
		_ = cmd.Wait()
	})
	var r receiver
	if err := json.NewDecoder(out).Decode(&r); err != nil {
		tb.Fatalf("the receiver did not start: %v", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(r.CA) {
		tb.Fatal("no certificate authority")
	}
	return r, pool
}

// deliveryTo is a request of the usual size.
func deliveryTo(url string) webhook.Request {
	return webhook.Request{
		URL: url, Body: append(bytes.Repeat([]byte("a"), 600), `{"type":"verification.completed"}`...),
		Headers: []webhook.Header{
			{Name: "content-type", Value: "application/json"}, {Name: "x-webhook-event", Value: "verification.completed"},
			{Name: "x-webhook-attempt", Value: "1"},
			{Name: "x-webhook-signature", Value: "5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592"},
			{Name: "webhook-id", Value: "dlv_01JABCDEFGHJKMNPQRSTVWXYZ0"}, {Name: "webhook-timestamp", Value: "1700000000"},
			{Name: "webhook-signature", Value: "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="},
			{Name: "authorization", Value: "Bearer 0123456789abcdef0123456789abcdef"},
		},
		Redact: []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "Bearer 0123456789abcdef0123456789abcdef"},
	}
}

// BenchmarkSend compares a delivery over kept connections with what net/http takes to post the same bytes, by this
// process' own processor time.
func BenchmarkSend(b *testing.B) {
	server, roots := startReceiver(b)
	request := deliveryTo(server.url("/hook"))
	c := New(Options{Resolver: names{testHost: {"127.0.0.1"}}})
	trustLoopback(c, roots)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	plain := plainClient(roots)
	for _, atOnce := range []int{1, 32, 100} {
		b.Run(fmt.Sprintf("egress/%d", atOnce), func(b *testing.B) {
			cpu(b, atOnce, func() error {
				if resp := c.Send(ctx, request); !resp.OK() {
					return fmt.Errorf("%s: %s", resp.ErrorCode, resp.ErrorMessage)
				}
				return nil
			})
		})
		b.Run(fmt.Sprintf("nethttp/%d", atOnce), func(b *testing.B) {
			cpu(b, atOnce, func() error { return plainPost(ctx, plain, request) })
		})
	}
}

// BenchmarkHandshake is a delivery over a connection of its own, with and without the session of an earlier one.
func BenchmarkHandshake(b *testing.B) {
	server, roots := startReceiver(b)
	request := deliveryTo(server.url("/hook"))
	for _, resumed := range []bool{false, true} {
		b.Run(fmt.Sprintf("resumed=%v", resumed), func(b *testing.B) {
			c := New(Options{Resolver: names{testHost: {"127.0.0.1"}}})
			trustLoopback(c, roots)
			c.tls.SessionTicketsDisabled = !resumed
			cpu(b, 1, func() error {
				resp := c.Send(b.Context(), request)
				c.CloseIdle()
				if !resp.OK() {
					return fmt.Errorf("%s: %s", resp.ErrorCode, resp.ErrorMessage)
				}
				return nil
			})
		})
	}
}

// BenchmarkKept reports the memory of a connection that is kept, after a short answer. The kernel's is not counted.
func BenchmarkKept(b *testing.B) {
	server, roots := startReceiver(b)
	request := deliveryTo(server.url("/hook"))
	c := New(Options{Resolver: names{testHost: {"127.0.0.1"}}})
	trustLoopback(c, roots)
	c.pool.clock = newClocks().read
	if resp := c.Send(b.Context(), request); !resp.OK() {
		b.Fatal(resp.ErrorMessage)
	}
	c.CloseIdle()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	hostPort := fmt.Sprintf("%s:%d", testHost, server.Port)
	kept := make([]*conn, maxPerHost)
	for i := range kept {
		var err error
		if kept[i], err = c.dial(b.Context(), hostPort, time.Now().Add(time.Minute)); err != nil {
			b.Fatal(err)
		}
		x := exchange{deadline: time.Now().Add(time.Minute)}
		if _, x.head, _ = c.prepare(b.Context(), &request, nil); x.head == nil {
			b.Fatal("not prepared")
		}
		x.body = request.Body
		if k, err := c.sendOn(b.Context(), kept[i], &x); err != nil || k == nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heap()-before)/maxPerHost, "B/conn")
	for _, k := range kept {
		k.abort()
	}
}

func plainClient(roots *x509.CertPool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, _ := net.SplitHostPort(address)
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		MaxIdleConnsPerHost: 200, DisableCompression: true,
	}}
}

func plainPost(ctx context.Context, client *http.Client, r webhook.Request) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return err
	}
	for _, h := range r.Headers {
		req.Header.Set(h.Name, h.Value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// cpu runs send b.N times, atOnce at a time, and reports the process' processor time per call.
func cpu(b *testing.B, atOnce int, send func() error) {
	if err := send(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	before := processorTime(b)
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range atOnce {
		wg.Go(func() {
			for n := i; n < b.N; n += atOnce {
				if err := send(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N)/1e3, "cpu-us/op")
}

func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
