package egress

import (
	"bufio"
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
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// hostileEnv makes the test binary a server: its memory is then not the client's.
const hostileEnv = "EGRESS_TEST_HOSTILE"

// peer is the server's end of a connection.
type peer struct {
	net.Conn               // TLS, unless the row speaks before that
	raw      *net.TCPConn  //
	reader   *bufio.Reader // of Conn
	requests *atomic.Int64 // counts what the row has read
}

// request reads a request whole.
func (p *peer) request() *http.Request {
	r, err := http.ReadRequest(p.reader)
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	if err != nil {
		return nil
	}
	p.requests.Add(1)
	return r
}

// hold waits until the client closes the connection.
func (p *peer) hold() { _, _ = io.Copy(io.Discard, p.raw) }

// reset ends the connection with a TCP reset.
func (p *peer) reset() {
	_ = p.raw.SetLinger(0)
	_ = p.raw.Close()
}

// says answers a request with a text and closes the connection.
func says(text string) func(*peer) {
	return func(p *peer) {
		if p.request() != nil {
			_, _ = io.WriteString(p, text)
		}
	}
}

// then does something after a text was said.
func then(text string, f func(*peer)) func(*peer) {
	return func(p *peer) {
		says(text)(p)
		f(p)
	}
}

// repeats says start once and next without end, waiting between.
func repeats(start, next string, wait time.Duration) func(*peer) {
	return then(start, func(p *peer) {
		for {
			if _, err := io.WriteString(p, next); err != nil {
				return
			}
			time.Sleep(wait)
		}
	})
}

// hostile is the server as the client's process knows it.
type hostile struct {
	Ports map[string]int // by row
	CA    []byte         // PEM
	count func() map[string]int64
}

func (h hostile) url(row string) string {
	return fmt.Sprintf("https://%s:%d/hook", testHost, h.Ports[row])
}

// startHostile starts the server of all rows as a process of its own.
func startHostile(t *testing.T) (hostile, *x509.CertPool) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), hostileEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // the server's sign to end
		_ = cmd.Wait()
	})
	lines := json.NewDecoder(out)
	var h hostile
	if err := lines.Decode(&h); err != nil {
		t.Fatalf("the hostile server did not start: %v", err)
	}
	h.count = func() map[string]int64 {
		var counts map[string]int64
		if _, err := io.WriteString(in, "\n"); err != nil {
			t.Fatal(err)
		}
		if err := lines.Decode(&counts); err != nil {
			t.Fatal(err)
		}
		return counts
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(h.CA) {
		t.Fatal("no certificate authority")
	}
	return h, pool
}

// serveHostile serves every row on a port of its own, until the standard input ends. It writes the ports, and for each
// line that it reads how many requests each row has had.
func serveHostile() error {
	a, err := makeAuthority()
	if err != nil {
		return err
	}
	h := hostile{Ports: map[string]int{}, CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})}
	configs, err := hostileTLS(a)
	if err != nil {
		return err
	}
	counts := map[string]*atomic.Int64{}
	for _, r := range hostileRows() {
		counts[r.name] = new(atomic.Int64)
		if r.speak == nil {
			if h.Ports[r.name], err = deafPort(); err != nil {
				return err
			}
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		h.Ports[r.name] = l.Addr().(*net.TCPAddr).Port
		config, ok := configs[r.tls]
		if !ok && r.tls != noTLS {
			return fmt.Errorf("no TLS configuration %q", r.tls)
		}
		go accept(l, config, r.speak, counts[r.name])
	}
	lines, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	if err := out.Encode(h); err != nil {
		return err
	}
	for lines.Scan() {
		now := map[string]int64{}
		for name, n := range counts {
			now[name] = n.Load()
		}
		if err := out.Encode(now); err != nil {
			return err
		}
	}
	return nil
}

// deafPort returns a port that is taken, so that nobody else listens there, and refuses connections. It is never freed.
func deafPort() (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	return name.(*syscall.SockaddrInet4).Port, nil
}

func accept(l net.Listener, config *tls.Config, speak func(*peer), requests *atomic.Int64) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		raw := c.(*net.TCPConn)
		wg.Go(func() {
			defer raw.Close()
			_ = raw.SetDeadline(time.Now().Add(20 * time.Second))
			p := &peer{Conn: raw, raw: raw, requests: requests}
			if config != nil {
				secured := tls.Server(raw, config)
				if err := secured.Handshake(); err != nil {
					p.hold() // so that the alert is not lost
					return
				}
				p.Conn = secured
			}
			p.reader = bufio.NewReader(p.Conn)
			speak(p)
		})
	}
}
