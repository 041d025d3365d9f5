package egress

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// What the rows' requests hold that must not be kept.
const (
	hostileSecret = "whsec_" + "c2VjcmV0LWtleS1ieXRlcy8rPzw+LXNlY3JldC1rZXktYnl0ZXMh" // secret-key-bytes/+?<>-secret-key-bytes!
	hostileHeader = `Basic dXNlcjpwYXNzd29yZC12YWx1ZQ==`                              // user:password-value
)

const (
	ok     = "HTTP/1.1 200 OK\r\n"
	sized  = ok + "Content-Length: 5\r\n\r\nhello"
	chunks = ok + "Transfer-Encoding: chunked\r\n\r\n"
)

// stageRows are endpoints that end, stop or go on for ever at some point of their answer.
func stageRows() []row {
	hold, reset := (*peer).hold, (*peer).reset
	// Reset without a word could overtake what was said before.
	later := func(p *peer) { time.Sleep(50 * time.Millisecond); p.reset() }
	return []row{
		{name: "silence after the request", speak: then("", hold), code: "timeout", after: answering},
		{name: "a request that is never read", speak: hold, code: "timeout", after: answering},
		{name: "reset before the request is read", speak: reset, code: "connection_reset"},
		{name: "reset after the request", speak: then("", reset), code: "connection_reset"},
		{name: "end after the request", speak: says(""), code: "connection_reset"},
		{name: "reset in the status line", speak: then("HTTP/1.1 2", later), code: "connection_reset"},
		{name: "end in the status line", speak: says("HTTP/1.1 2"), code: "connection_reset"},
		{name: "reset in the header", speak: then(ok+"A: b\r\n", later), code: "connection_reset"},
		{name: "end in the header", speak: says(ok + "A: b\r\n"), code: "connection_reset"},
		{name: "silence in the header", speak: then(ok+"A: b\r\n", hold), code: "timeout", after: answering},
		{name: "reset in the body", speak: then(ok+"Content-Length: 9\r\n\r\nhello", later), status: 200, excerpt: "hello"},
		{name: "end in the body", speak: says(ok + "Content-Length: 9\r\n\r\nhello"), status: 200, excerpt: "hello"},
		{name: "silence in the body", speak: then(ok+"Content-Length: 9\r\n\r\nhello", hold), status: 200, excerpt: "hello", after: reading},
		{name: "a body that never comes", speak: then(ok+"Content-Length: 9\r\n\r\n", hold), status: 200, after: reading},
		{name: "no length and no end", speak: then(ok+"\r\nhello", hold), status: 200, excerpt: "hello", after: reading},
		{name: "answered and never closed", speak: then(sized, hold), status: 200, excerpt: "hello"},
		{name: "a header that drips", speak: repeats(ok+"X: ", "x", 20*time.Millisecond), code: "timeout", after: answering},
		{name: "a status line that drips", speak: repeats("HTTP/1.1 ", " ", 20*time.Millisecond), code: "timeout", after: answering},
		{name: "informational answers that drip", speak: repeats("", "HTTP/1.1 102 P\r\n\r\n", 20*time.Millisecond), code: "timeout", after: answering},
		{name: "a body that drips", speak: repeats(ok+"\r\n", "x", 20*time.Millisecond), status: 200, after: reading, check: few},
		{name: "chunks that drip", speak: repeats(chunks, "1\r\nx\r\n", 20*time.Millisecond), status: 200, after: reading, check: few},
		{name: "an answer before the request is read", speak: func(p *peer) { _, _ = io.WriteString(p, sized); p.hold() }, status: 200, excerpt: "hello"},
		{name: "a refusal before the request is read", speak: func(p *peer) {
			_, _ = io.WriteString(p, "HTTP/1.1 413 Large\r\nConnection: close\r\n\r\n")
		}, status: 413, code: "http_status"},
	}
}

// sizeRows are endpoints that say more than anyone needs.
func sizeRows() []row {
	headers := func(line func(i int) string, size int) string {
		var b strings.Builder
		b.WriteString(ok)
		for i := 0; b.Len() < size-20; i++ {
			b.WriteString(line(i))
		}
		b.WriteString("\r\n")
		return b.String()
	}
	distinct := func(i int) string { return fmt.Sprintf("%x:\r\n", i) }
	same := func(int) string { return "a:\r\n" }
	long := func(n int) string { return ok + "Location: " + strings.Repeat("x", n) + "\r\n\r\n" }
	return []row{
		{name: "an endless header", speak: repeats(ok, "X-A: "+strings.Repeat("a", 1000)+"\r\n", 0), code: "protocol_error"},
		{name: "an endless header of one name that is kept", speak: repeats(ok, "Server: "+strings.Repeat("a", 50)+"\r\n", 0), code: "protocol_error"},
		{name: "an endless field", speak: repeats(ok+"Server: ", strings.Repeat("a", 1000), 0), code: "protocol_error"},
		{name: "an endless field name", speak: repeats(ok, strings.Repeat("a", 1000), 0), code: "protocol_error"},
		{name: "an endless folded field", speak: repeats(ok+"Server: a\r\n", " "+strings.Repeat("a", 99)+"\r\n", 0), code: "protocol_error"},
		{name: "an endless status line", speak: repeats("HTTP/1.1 200 ", strings.Repeat("a", 1000), 0), code: "protocol_error"},
		{name: "endless informational answers", speak: repeats("", "HTTP/1.1 103 E\r\nLink: </x>\r\n\r\n", 0), code: "protocol_error"},
		{name: "ten informational answers", speak: says(strings.Repeat("HTTP/1.1 103 E\r\nLink: </x>\r\n\r\n", 10) + sized), status: 200, excerpt: "hello"},
		{name: "12,000 fields", speak: says(headers(distinct, MaxResponseHeader)), status: 200},
		{name: "16,000 fields of one name", speak: says(headers(same, MaxResponseHeader)), status: 200},
		{name: "a header of 63 KiB", speak: says(long(63 << 10)), status: 200, check: func(t *testing.T, r webhook.Response) {
			if len(r.Headers) != 1 || len(r.Headers[0].Value) != maxHeaderValue {
				t.Errorf("headers %v", r.Headers)
			}
		}},
		{name: "a header of more than 64 KiB", speak: says(long(MaxResponseHeader)), code: "protocol_error"},
		{name: "an endless body", speak: repeats(ok+"\r\n", strings.Repeat("a", 1000), 0), status: 200, check: full},
		{name: "an endless chunk", speak: repeats(chunks+"fffffff\r\n", strings.Repeat("a", 1000), 0), status: 200, check: full},
		{name: "endless small chunks", speak: repeats(chunks, strings.Repeat("1\r\na\r\n", 200), 0), status: 200, check: some},
		{name: "an endless chunk extension", speak: repeats(chunks+"5\r\nhello\r\n5;", strings.Repeat("a", 1000), 0), status: 200, excerpt: "hello"},
		{name: "endless chunk extensions", speak: repeats(chunks, "1;"+strings.Repeat("e", 1000)+"\r\na\r\n", 0), status: 200, check: few},
		{name: "endless trailers", speak: repeats(chunks+"5\r\nhello\r\n0\r\n", "A: b\r\n", 0), status: 200, excerpt: "hello"},
		{name: "control characters without end", speak: repeats(ok+"\r\n", strings.Repeat("\x01", 1000), 0), status: 200, check: full},
		{name: "a gzip bomb", speak: says(ok + "Content-Encoding: gzip\r\n\r\n" + bomb()), status: 200, check: undecoded},
		{name: "a gzip bomb that says it is text", speak: says(ok + "Content-Type: text/plain\r\n\r\n" + bomb()), status: 200, check: undecoded},
	}
}

// formRows are answers that are not quite HTTP/1.1, or just so.
func formRows() []row {
	rows := []row{
		{name: "two lengths", speak: says(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), code: "protocol_error"},
		{name: "one length twice", speak: says(ok + "Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello"), status: 200, excerpt: "hello"},
		{name: "a negative length", speak: says(ok + "Content-Length: -5\r\n\r\nhello"), code: "protocol_error"},
		{name: "a length that is no number", speak: says(ok + "Content-Length: 5, 5\r\n\r\nhello"), code: "protocol_error"},
		{name: "a length beyond all bounds", speak: says(ok + "Content-Length: 99999999999999999999\r\n\r\nhello"), code: "protocol_error"},
		{name: "a huge length", speak: says(ok + "Content-Length: 9223372036854775807\r\n\r\nhello"), status: 200, excerpt: "hello"},
		{name: "a length that is too small", speak: says(ok + "Content-Length: 2\r\n\r\nhello"), status: 200, excerpt: "he"},
		{name: "a length and chunks", speak: says(ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), status: 200, excerpt: "hello"},
		{name: "a coding nobody asked for", speak: says(ok + "Transfer-Encoding: gzip, chunked\r\n\r\n"), code: "protocol_error"},
		{name: "chunked twice", speak: says(ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), code: "protocol_error"},
		{name: "chunks that are none", speak: says(chunks + "5\r\nhello\r\nzz\r\n"), status: 200, excerpt: "hello"},
		{name: "a chunk that is too long", speak: says(chunks + "5\r\nhello, there"), status: 200, excerpt: "hello"},
		{name: "a chunk of 2^64 bytes", speak: says(chunks + "10000000000000000\r\nhello"), status: 200},
		{name: "chunks that end early", speak: says(chunks + "5\r\nhello\r\n"), status: 200, excerpt: "hello"},
		{name: "lines that end with LF alone", speak: says("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"), status: 200, excerpt: "hello"},
		{name: "HTTP/1.0", speak: says("HTTP/1.0 200 OK\r\n\r\nhello"), status: 200, excerpt: "hello"},
		{name: "HTTP/0.9", speak: says("<html>hello</html>\n"), code: "protocol_error"},
		{name: "HTTP/2", speak: says("\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\x04\x00\x01\x00\x00\x00\x05\x00\xff\xff\xff\n"), code: "protocol_error"},
		{name: "another protocol", speak: says("SSH-2.0-OpenSSH_9.6\r\n\r\n"), code: "protocol_error"},
		{name: "zeros", speak: says(strings.Repeat("\x00", 1<<17)), code: "protocol_error"},
		{name: "ICY", speak: says("ICY 200 OK\r\n\r\n"), code: "protocol_error"},
		{name: "a field without a colon", speak: says(ok + "hello\r\n\r\n"), code: "protocol_error"},
		{name: "a space before the colon", speak: says(ok + "Content-Length : 5\r\n\r\nhello"), code: "protocol_error"},
		{name: "no field's name", speak: says(ok + ": a\r\n\r\n"), code: "protocol_error"},
		{name: "an empty line first", speak: says("\r\n" + sized), code: "protocol_error"},
		{name: "a 204 with a body", speak: says("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"), status: 204},
	}
	for _, s := range []string{"200", "201", "204", "299"} {
		rows = append(rows, status(s, ""))
	}
	for _, s := range []string{
		"000", "099", "101", "300", "301", "302", "303", "304", "305", "306", "307", "308", "399", "400", "401", "410", "429", "500", "503", "999",
	} {
		rows = append(rows, status(s, "http_status"))
	}
	for _, s := range []string{"100", "199"} { // informational: the answer itself never comes
		rows = append(rows, row{name: "status " + s, speak: says("HTTP/1.1 " + s + " x\r\n\r\n"), code: "connection_reset"})
	}
	for _, s := range []string{"20", "2000", "abc", "+20", "２００", ""} {
		rows = append(rows, row{name: "status " + s, speak: says("HTTP/1.1 " + s + " x\r\n\r\n"), code: "protocol_error"})
	}
	return rows
}

func status(s string, code webhook.ErrorCode) row {
	r := row{name: "status " + s, speak: says("HTTP/1.1 " + s + " x\r\nContent-Length: 0\r\n\r\n"), code: code}
	_, _ = fmt.Sscanf(s, "%d", &r.status)
	return r
}

// contentRows are answers whose content wants something.
func contentRows() []row {
	redirect := func(status int, to string) func(*peer) {
		return says(fmt.Sprintf("HTTP/1.1 %d x\r\nLocation: %s\r\nRefresh: 0; url=%[2]s\r\nContent-Length: 0\r\n\r\n", status, to))
	}
	var rows []row
	for _, s := range []int{301, 302, 303, 307, 308} {
		rows = append(rows, row{name: fmt.Sprint("redirect ", s), speak: redirect(s, "https://169.254.169.254/latest/"), status: s, code: "http_status", check: noBody})
	}
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(hostileSecret, webhook.SecretPrefix))
	echoes := []string{
		hostileSecret, strings.ToUpper(hostileSecret), strings.ToLower(hostileSecret), hostileSecret[6:], string(key), hostileHeader, hostileHeader[6:],
		"user:password-value", "password-value", "PASSWORD-VALUE", hex.EncodeToString([]byte(hostileSecret)), strings.ToUpper(hex.EncodeToString(key)),
		base64.StdEncoding.EncodeToString([]byte("a" + hostileSecret)), base64.URLEncoding.EncodeToString([]byte("ab" + hostileHeader)),
		base64.StdEncoding.EncodeToString([]byte("abc" + hostileSecret + "abc")), base64.URLEncoding.EncodeToString(key),
	}
	edge := func(before int) string {
		return ok + "\r\n" + strings.Repeat("x", before) + hostileSecret + strings.Repeat("y", MaxRead)
	}
	return append(rows,
		row{name: "an echo", speak: echo, status: 200, check: nothingSecret},
		row{name: "an echo in every form", speak: says(ok + "Location: /" + hostileSecret + "\r\n\r\n" + strings.Join(echoes, " and ")), status: 200,
			check: func(t *testing.T, r webhook.Response) {
				nothingSecret(t, r)
				if n := strings.Count(r.Excerpt, replacement); n != len(echoes) {
					t.Errorf("%d values replaced, want %d", n, len(echoes))
				}
			}},
		row{name: "a secret where keeping stops", speak: says(edge(MaxExcerpt - 20)), status: 200, check: nothingSecret},
		row{name: "a secret where reading stops", speak: says(edge(MaxRead - 20)), status: 200, check: nothingSecret},
		row{name: "so many secrets that the end of reading shows", speak: says(ok + "\r\n" + strings.Repeat(hostileSecret, 400)), status: 200, check: nothingSecret},
		row{name: "cookies", speak: says(ok + "Set-Cookie: a=b\r\nSet-Cookie2: c=d\r\nContent-Length: 0\r\n\r\n"), status: 200, check: func(t *testing.T, r webhook.Response) {
			if s := fmt.Sprint(r.Headers); strings.Contains(s, "a=b") || strings.Contains(s, "c=d") {
				t.Errorf("headers %s", s)
			}
		}},
		row{name: "ten of a kind", speak: says(ok + strings.Repeat("Server: a\r\n", 10) + "Content-Length: 0\r\n\r\n"), status: 200, check: func(t *testing.T, r webhook.Response) {
			if n := len(r.Headers); n != maxSameName+1 {
				t.Errorf("%d headers", n)
			}
		}},
		row{name: "control characters", speak: says(ok + "Server: a\x1b[31m\x00b\r\n\r\n\x1b[2J\x00\u202e"), status: 200, excerpt: `\u001b[2J\u0000\u202e`, check: func(t *testing.T, r webhook.Response) {
			if len(r.Headers) != 1 || r.Headers[0].Value != `a\u001b[31m\u0000b` {
				t.Errorf("headers %q", r.Headers)
			}
		}},
		row{name: "invalid UTF-8", speak: says(ok + "\r\n\xff\xc3(\xed\xa0\x80"), status: 200, excerpt: "\ufffd\ufffd(\ufffd\ufffd\ufffd"},
	)
}

// echo answers with everything that it was sent, in the header and in the body.
func echo(p *peer) {
	r := p.request()
	if r == nil {
		return
	}
	var b bytes.Buffer
	_ = r.Header.Write(&b)
	_, _ = fmt.Fprintf(p, "%s%sLocation: /?k=%s\r\nServer: %s\r\n\r\n%s", ok, b.String(),
		http.CanonicalHeaderKey(r.Header.Get("X-Webhook-Test")), r.Header.Get("Authorization"), b.String())
}

func bomb() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(make([]byte, 20<<20))
	_ = w.Close()
	return b.String()
}

func few(t *testing.T, r webhook.Response)    { length(t, r, 1, 30) }
func some(t *testing.T, r webhook.Response)   { length(t, r, 1000, MaxExcerpt) }
func full(t *testing.T, r webhook.Response)   { length(t, r, MaxExcerpt-5, MaxExcerpt) }
func noBody(t *testing.T, r webhook.Response) { length(t, r, 0, 0) }

func length(t *testing.T, r webhook.Response, least, most int) {
	if n := len(r.Excerpt); n < least || n > most {
		t.Errorf("kept %d bytes, want %d to %d", n, least, most)
	}
}

func undecoded(t *testing.T, r webhook.Response) {
	if full(t, r); !strings.HasPrefix(r.Excerpt, `\u001f`) {
		t.Errorf("begins with %.20q", r.Excerpt)
	}
}

func nothingSecret(t *testing.T, r webhook.Response) {
	kept := strings.ToLower(fmt.Sprint(r))
	for _, part := range []string{"c2vjcmv0", "whsec_c", "secret-key", "dxnlcj", "password", "6357566a", "7365637265"} {
		if strings.Contains(kept, part) {
			t.Errorf("%q is kept: %s", part, kept)
		}
	}
}
