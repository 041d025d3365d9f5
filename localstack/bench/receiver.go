package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/signature"
)

// receiverConfig is what the receiver's process is told.
type receiverConfig struct {
	Ports             int
	CertFile, KeyFile string
	Secret            string
}

// receiverPorts is what it answers: https ports, each a host of its own for the sender, and the control port (http).
type receiverPorts struct {
	Ports   []int
	Control int
}

// arrival is one POST: the moment the handler had its header, in unix nanoseconds.
type arrival struct {
	ID      string // webhook-id
	Attempt string // x-webhook-attempt
	At      int64
}

// receiverServer is a partner's server. The query says what a path does: `delay=9.5s` before the answer, `size=1048576`
// bytes of body, `verify=1` for 401 unless the signature is right, `record=1` to keep the arrival for /arrivals; 503 to the
// POSTs to one URL that `fail=6` (the first six) or `every=20&from=4` (the 4th, the 24th, ...) names.
type receiverServer struct {
	secret string

	posts atomic.Int64

	mu       sync.Mutex
	asked    map[string]int // by URL, of those that fail sometimes
	arrivals []arrival
	refused  int
}

// arrived is what /arrivals answers: all since it was asked before.
type arrived struct {
	Posts    int64
	Refused  int
	Arrivals []arrival // those that were recorded
}

func (s *receiverServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now().UnixNano()
	s.posts.Add(1)
	var q url.Values
	if r.URL.RawQuery != "" {
		q = r.URL.Query()
	}
	if q.Has("record") {
		s.mu.Lock()
		s.arrivals = append(s.arrivals, arrival{r.Header.Get("webhook-id"), r.Header.Get("x-webhook-attempt"), at})
		s.mu.Unlock()
	}
	if !q.Has("verify") {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
	} else if !s.verified(r) {
		s.mu.Lock()
		s.refused++
		s.mu.Unlock()
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if d, err := time.ParseDuration(q.Get("delay")); err == nil {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
			return
		}
	}
	if (q.Has("fail") || q.Has("every")) && s.fails(r, q) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if n, err := strconv.Atoi(q.Get("size")); err == nil {
		w.Header().Set("Content-Length", strconv.Itoa(n))
		_, _ = w.Write(make([]byte, n))
	}
}

// fails counts the POSTs to a URL and tells whether this one is to fail.
func (s *receiverServer) fails(r *http.Request, q url.Values) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = map[string]int{}
	}
	key := r.Host + r.URL.RawQuery
	s.asked[key]++
	first, _ := strconv.Atoi(q.Get("fail"))
	every, _ := strconv.Atoi(q.Get("every"))
	from, _ := strconv.Atoi(q.Get("from"))
	return s.asked[key] <= first || every > 0 && s.asked[key]%every == from%every
}

func (s *receiverServer) verified(r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	return err == nil && r.Header.Get("x-webhook-signature") == signature.Hex(s.secret, body)
}

func (s *receiverServer) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /arrivals", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		all := arrived{s.posts.Swap(0), s.refused, s.arrivals}
		s.arrivals, s.refused = nil, 0
		s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(all)
	})
	return mux
}

// runReceiver serves until its standard input ends.
func runReceiver(c receiverConfig) error {
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return err
	}
	s := &receiverServer{secret: c.Secret}
	// As Node does, it closes a connection that was idle for 5 s.
	server := &http.Server{Handler: s, IdleTimeout: 5 * time.Second, ReadHeaderTimeout: time.Minute}
	var ports receiverPorts
	for range c.Ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		ports.Ports = append(ports.Ports, portOf(l))
		config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
		go func() { _ = server.Serve(tls.NewListener(l, config)) }()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ports.Control = portOf(l)
	go func() { _ = (&http.Server{Handler: s.control(), ReadHeaderTimeout: time.Minute}).Serve(l) }()
	if err := json.NewEncoder(os.Stdout).Encode(ports); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func portOf(l net.Listener) int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// receiver is the bench's side of the receiver's process.
type receiver struct {
	*proc
	receiverPorts
}

// receiverHosts is how many hosts the receiver is.
const receiverHosts = 128

// startReceiver starts a receiver with certificates of the CA in dir.
func startReceiver(ctx context.Context, dir local.Dir, secret string) (*receiver, error) {
	config, err := json.Marshal(receiverConfig{
		Ports: receiverHosts, CertFile: dir.File(local.CertFile), KeyFile: dir.File(local.CertKeyFile), Secret: secret,
	})
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	log, err := os.Create(filepath.Join(string(dir), "receiver.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	p, err := startProc(ctx, os.Environ(), in, log, self, "receiver", string(config))
	_ = in.Close()
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("the receiver did not start: %w", err)
	}
	r := &receiver{proc: p}
	return r, json.Unmarshal(line, &r.receiverPorts)
}

// url is an endpoint on one of the receiver's hosts, with a query as receiverServer takes it.
func (r *receiver) url(host int, query string) string {
	u := fmt.Sprintf("https://localhost:%d/webhook/cr3dentials", r.Ports[host%len(r.Ports)])
	if query != "" {
		u += "?" + query
	}
	return u
}

// arrivals returns what arrived since it was last called.
func (r *receiver) arrivals(ctx context.Context) (arrived, error) {
	var out arrived
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/arrivals", r.Control), nil)
	if err != nil {
		return out, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return out, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, err
	}
	if out.Refused > 0 {
		return out, errors.New("the receiver refused signatures")
	}
	return out, nil
}
