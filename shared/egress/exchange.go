package egress

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// errMalformed is the error of an answer that is not HTTP/1.1, or whose header is too large.
var errMalformed = errors.New("egress: malformed answer")

// lastWords is how long an answer is waited for after the endpoint stopped reading the request: one that refuses a
// request early may have sent its reason before.
const lastWords = 250 * time.Millisecond

// answer is the header of an endpoint's answer. Of its fields only those are kept that are shown or frame the body:
// 64 KiB can be 16,000 fields, which would cost thirty times that.
type answer struct {
	status int
	fields []webhook.Header // names in lower case, in the order in which they came
	// length is the body's, -1 if the connection's end is also the body's.
	length  int64
	chunked bool
	// closes says that the connection serves no other request.
	closes bool
}

// exchange sends a request and reads the answer's header. It ends by deadline, or when the answer is late, or with ctx.
// sent tells whether the whole request was written.
func (c *Client) exchange(ctx context.Context, k *conn, head, body []byte, deadline time.Time) (a answer, sent bool, err error) {
	_ = k.secured.SetWriteDeadline(deadline)
	k.readUntil(ctx, deadline)
	written := make(chan error, 1)
	go func() {
		w := bufio.NewWriterSize(k.secured, readBuffer)
		_, err := w.Write(head)
		if err == nil {
			_, err = w.Write(body)
		}
		if err == nil {
			err = w.Flush()
		}
		patience := c.options.AnswerTimeout
		if err != nil {
			patience = lastWords
		}
		if end := time.Now().Add(patience); end.Before(deadline) {
			k.readUntil(ctx, end)
		}
		written <- err
	}()
	a, err = readAnswer(k.reader)
	// An answer may come before the request was read. Then nobody waits for the rest.
	_ = k.secured.SetWriteDeadline(past)
	if failed := <-written; failed != nil {
		return a, false, err
	}
	return a, true, err
}

// readAnswer reads the header of an answer, and the informational ones before it.
func readAnswer(r *bufio.Reader) (answer, error) {
	h := headReader{r: r, left: MaxResponseHeader}
	for {
		a, err := h.read()
		if err != nil || a.status < 100 || a.status > 199 || a.status == 101 {
			return a, err
		}
	}
}

// headReader reads headers of at most left bytes altogether.
type headReader struct {
	r    *bufio.Reader
	left int
	line []byte
}

func (h *headReader) read() (answer, error) {
	a := answer{length: -1}
	line, err := h.next()
	if err != nil {
		return a, err
	}
	if a.status, a.closes, err = parseStatus(line); err != nil {
		return a, err
	}
	for {
		line, err := h.next()
		if err != nil {
			return a, err
		}
		if len(line) == 0 {
			return a, nil
		}
		if err := a.add(line); err != nil {
			return a, err
		}
	}
}

// maxLine is how much of a line is kept: more than is kept of a value with its name.
const maxLine = 2 * maxKeptValue

// next returns the next line without its end, or the first maxLine bytes of it. It is valid until the next call.
func (h *headReader) next() ([]byte, error) {
	h.line = h.line[:0]
	for {
		part, err := h.r.ReadSlice('\n')
		if h.left -= len(part); h.left < 0 {
			return nil, errMalformed
		}
		h.line = append(h.line, part[:min(len(part), maxLine-len(h.line))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		default:
			return bytes.TrimSuffix(bytes.TrimSuffix(h.line, []byte("\n")), []byte("\r")), nil
		}
		if h.left == 0 {
			return nil, errMalformed
		}
	}
}

// parseStatus reads `HTTP/1.1 200 OK`: three digits, and any version of one digit each, as Go's own client does.
func parseStatus(line []byte) (status int, closes bool, err error) {
	version, rest, _ := strings.Cut(string(line), " ")
	code, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	if len(version) != 8 || !strings.HasPrefix(version, "HTTP/") || !digits(version[5:6]) || version[6] != '.' ||
		!digits(version[7:]) || len(code) != 3 || !digits(code) {
		return 0, false, errMalformed
	}
	status, err = strconv.Atoi(code)
	return status, version != "HTTP/1.1", err
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// add takes one line of a header into account.
func (a *answer) add(line []byte) error {
	if line[0] == ' ' || line[0] == '\t' { // the old way of folding a long field; ours are not
		a.closes = true
		return nil
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || bytes.ContainsAny(line[:colon], " \t\r\x00") {
		return errMalformed
	}
	value := func() string { return strings.Trim(string(line[colon+1:]), " \t") }
	switch name := strings.ToLower(string(line[:min(colon, maxFieldName)])); name {
	case "content-length":
		n, err := strconv.ParseInt(value(), 10, 64)
		if err != nil || !digits(value()) || a.length >= 0 && a.length != n {
			return errMalformed
		}
		a.length = n
		a.keep(name, value())
	case "transfer-encoding":
		if a.chunked || !strings.EqualFold(value(), "chunked") {
			return errMalformed
		}
		a.chunked = true
	case "connection":
		for option := range strings.SplitSeq(value(), ",") {
			a.closes = a.closes || strings.EqualFold(strings.TrimSpace(option), "close")
		}
	default:
		if isShown(name) {
			a.keep(name, value())
		}
	}
	return nil
}

// maxFieldName is longer than the name of any field that counts.
const maxFieldName = 32

func (a *answer) keep(name, value string) {
	same := 0
	for _, f := range a.fields {
		if f.Name == name {
			same++
		}
	}
	if same < maxSameName {
		a.fields = append(a.fields, webhook.Header{Name: name, Value: value[:min(len(value), maxKeptValue)]})
	}
}

// field returns the first value of a kept field.
func (a *answer) field(name string) string {
	for _, f := range a.fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// readBody reads the start of an answer's body until the connection's deadline. whole tells whether it is all of it,
// reusable whether the connection is where the next answer begins.
func (a *answer) readBody(r *bufio.Reader) (start []byte, whole, reusable bool) {
	if a.status < 200 || a.status == 204 || a.status == 304 {
		return nil, true, !a.closes && a.status != 101
	}
	body, ends := io.Reader(r), false
	switch {
	case a.chunked:
		body, ends = httputil.NewChunkedReader(r), true
	case a.length >= 0:
		body, ends = io.LimitReader(r, a.length), true
	}
	start, err := io.ReadAll(io.LimitReader(body, MaxRead))
	whole = err == nil && len(start) < MaxRead && (a.chunked || a.length < 0 || int64(len(start)) == a.length)
	reusable = whole && ends && !a.closes && (!a.chunked || a.length < 0)
	if a.chunked && reusable {
		h := headReader{r: r, left: MaxResponseHeader}
		line, err := h.next()
		reusable = err == nil && len(line) == 0 // trailers are not worth reading
	}
	return start, whole, reusable
}
