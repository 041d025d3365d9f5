package awscfg

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestOneWrite: a request is one write, header and body together: two cost twice as much.
func TestOneWrite(t *testing.T) {
	const text = "body"
	near, far := net.Pipe() // a Read of it is one Write
	defer near.Close()
	written := make(chan string, 1)
	go func() {
		b := make([]byte, 4096)
		n, _ := far.Read(b)
		written <- string(b[:n])
		_, _ = io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		_, _ = io.Copy(io.Discard, far)
	}()
	// A body that net/http does not know to be in memory, as the SDK's.
	body := io.NopCloser(io.MultiReader(strings.NewReader(text)))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/path", body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(len(text))
	x := &connection{Conn: near, r: bufio.NewReader(near), w: bufio.NewWriter(near)}
	resp, err := x.exchange(r, time.Now().Add(10*time.Second))
	if got := <-written; !strings.HasPrefix(got, "POST /path HTTP/1.1\r\n") || !strings.HasSuffix(got, "\r\n\r\n"+text) {
		t.Errorf("the first write is %q", got)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}
