package egress

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestMain sets a proxy that nothing answers at: were the environment's proxy used, every test that sends would fail.
func TestMain(m *testing.M) {
	for name, serve := range map[string]func() error{hostileEnv: serveHostile, receiverEnv: serveReceiver} {
		if os.Getenv(name) != "" {
			if err := serve(); err != nil {
				panic(err)
			}
			return
		}
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		if err := os.Setenv(name, "http://192.0.2.1:9"); err != nil {
			panic(err)
		}
	}
	if err := flag.Set("rapid.checks", "3000"); err != nil { // an argument of the test overrides it
		panic(err)
	}
	m.Run()
}

const testHost = "hooks.example.com"

// names is a resolver of fixed answers; a name it does not have is not found. Every name must come fully qualified.
type names map[string][]string

func (n names) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	name, absolute := strings.CutSuffix(host, ".")
	if network != "ip" || !absolute {
		panic("not looked up as a full name: " + host)
	}
	answers, ok := n[name]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var addrs []netip.Addr
	for _, a := range answers {
		if a == "never" {
			<-ctx.Done()
			return nil, &net.DNSError{Err: ctx.Err().Error(), Name: host, IsTimeout: true}
		}
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	return addrs, nil
}

// quick makes the times short enough for tests of what happens when they end.
func quick() Options {
	return Options{
		Resolver: names{testHost: {"127.0.0.1"}}, ConnectTimeout: 2 * time.Second, WriteTimeout: 300 * time.Millisecond,
		AnswerTimeout: 300 * time.Millisecond, ExcerptTimeout: 100 * time.Millisecond, CheckTimeout: 100 * time.Millisecond,
	}
}

// newTestClient makes a client that may connect to this machine and trusts the test authority. Nothing but the tests of
// this package can make one.
func newTestClient(t *testing.T, o Options) *Client {
	t.Helper()
	c := New(o)
	trustLoopback(c, authority(t).pool)
	t.Cleanup(c.CloseIdle)
	return c
}

func trustLoopback(c *Client, roots *x509.CertPool) {
	c.guard.exempt = func(target netip.AddrPort) bool { return target.Addr().IsLoopback() }
	c.tls.RootCAs = roots
}

func post(url string) webhook.Request {
	return webhook.Request{
		URL: url, Body: []byte(`{"type":"verification.completed"}`),
		Headers: []webhook.Header{{Name: "content-type", Value: "application/json"}, {Name: "x-webhook-attempt", Value: "1"}},
		Show:    true,
	}
}

// ca is an authority for test certificates.
type ca struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

var makeAuthority = sync.OnceValues(func() (ca, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return ca{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return ca{}, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return ca{}, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return ca{certificate, key, pool}, nil
})

func authority(t *testing.T) ca {
	t.Helper()
	a, err := makeAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// issue makes a server's TLS configuration with a certificate for host that ends at notAfter.
func issue(t *testing.T, host string, notAfter time.Time) *tls.Config {
	t.Helper()
	a := authority(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{host},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: notAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func goodTLS(t *testing.T) *tls.Config {
	t.Helper()
	return issue(t, testHost, time.Now().Add(time.Hour))
}

// serve starts an https endpoint and returns its URL under testHost.
func serve(t *testing.T, config *tls.Config, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS = config
	s.Config.ErrorLog = discardLog()
	s.StartTLS()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return urlOf(s.Listener)
}

// serveRaw starts an endpoint that speaks whatever it likes, one goroutine for each connection. A nil config is no TLS.
func serveRaw(t *testing.T, config *tls.Config, speak func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				if config != nil {
					conn = tls.Server(conn, config)
				}
				speak(conn)
			})
		}
	})
	return urlOf(l)
}

func urlOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "https://" + net.JoinHostPort(testHost, port) + "/hook"
}

// readRequest reads one request whole, so that an answer after it is not too early.
func readRequest(conn net.Conn) bool {
	const end = `completed"}`
	var last []byte
	buf := make([]byte, 16<<10)
	for !strings.HasSuffix(string(last), end) {
		n, err := conn.Read(buf)
		if err != nil {
			return false
		}
		last = append(last, buf[:n]...)
		last = last[max(0, len(last)-len(end)):]
	}
	return true
}
