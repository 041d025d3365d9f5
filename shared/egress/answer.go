package egress

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http/httputil"
	"strconv"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// errMalformed is the error of an answer that is not HTTP/1.1, or whose header is too large.
var errMalformed = errors.New("egress: malformed answer")

// answer is the header of an endpoint's answer. Of its fields only those are kept that are shown or frame the body:
// 64 KiB can be 16,000 fields, which would cost thirty times that.
type answer struct {
	status int
	shown  bool             // whether the fields and the body are kept
	fields []webhook.Header // names in lower case, in the order in which they came
	// length is the body's, -1 if the connection's end is also the body's.
	length  int64
	chunked bool
	// closes says that the connection serves no other request.
	closes bool
}

// headReader reads headers of at most left bytes altogether.
type headReader struct {
	r    *bufio.Reader
	left int
	line []byte // of a line that is longer than r's buffer, or lies across its end
}

// answer reads the header of an answer, and the informational ones before it. showAll asks for the fields of a success.
func (h *headReader) answer(showAll bool) (answer, error) {
	for {
		a, err := h.read(showAll)
		if err != nil || a.status < 100 || a.status > 199 || a.status == 101 {
			return a, err
		}
	}
}

func (h *headReader) read(showAll bool) (answer, error) {
	a := answer{length: -1}
	line, err := h.next()
	if err != nil {
		return a, err
	}
	if a.status, a.closes, err = parseStatus(line); err != nil {
		return a, err
	}
	a.shown = showAll || !webhook.Success(a.status)
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
		if err == nil && len(h.line) == 0 {
			return withoutEnd(part), nil
		}
		h.line = append(h.line, part[:min(len(part), maxLine-len(h.line))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return nil, err
		default:
			return withoutEnd(h.line), nil
		}
		if h.left == 0 {
			return nil, errMalformed
		}
	}
}

func withoutEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// parseStatus reads `HTTP/1.1 200 OK`: three digits, and any version of one digit each, as Go's own client does.
func parseStatus(line []byte) (status int, closes bool, err error) {
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	if len(version) != 8 || string(version[:5]) != "HTTP/" || !digits(version[5:6]) || version[6] != '.' ||
		!digits(version[7:]) || len(code) != 3 || !digits(code) {
		return 0, false, errMalformed
	}
	status, err = strconv.Atoi(string(code))
	return status, string(version) != "HTTP/1.1", err
}

func digits[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}

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
	name, value := line[:colon], bytes.Trim(line[colon+1:], " \t")
	switch {
	case isName(name, "content-length"):
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || !digits(value) || a.length >= 0 && a.length != n {
			return errMalformed
		}
		a.length = n
	case isName(name, "transfer-encoding"):
		if a.chunked || !isName(value, "chunked") {
			return errMalformed
		}
		a.chunked = true
	case isName(name, "connection"):
		for option := range bytes.SplitSeq(value, []byte(",")) {
			a.closes = a.closes || isName(bytes.TrimSpace(option), "close")
		}
	}
	if a.shown {
		a.keep(name, value)
	}
	return nil
}

// isName compares a name or token with one in lower case, whatever the case of its ASCII letters.
func isName(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != name[i] {
			return false
		}
	}
	return true
}

// keep keeps a field that may be shown.
func (a *answer) keep(name, value []byte) {
	for _, s := range shown {
		if !isName(name, s) {
			continue
		}
		same := 0
		for _, f := range a.fields {
			if f.Name == s {
				same++
			}
		}
		if same < maxSameName {
			a.fields = append(a.fields, webhook.Header{Name: s, Value: string(value[:min(len(value), maxKeptValue)])})
		}
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

// hasBody tells whether a body follows.
func (a *answer) hasBody() bool { return a.status >= 200 && a.status != 204 && a.status != 304 }

// readBody reads the start of an answer's body until the connection's deadline. start is empty unless the answer is
// shown. whole tells whether all of it was read, reusable whether the connection is where the next answer begins.
func (a *answer) readBody(h *headReader) (start []byte, whole, reusable bool) {
	if !a.hasBody() {
		return nil, true, !a.closes && a.status != 101
	}
	n, start, err := a.readStart(h.r)
	whole = err == nil && n < MaxRead && (a.chunked || a.length < 0 || n == a.length)
	reusable = whole && (a.chunked || a.length >= 0) && !a.closes && (!a.chunked || a.length < 0)
	if a.chunked && reusable {
		h.left = MaxResponseHeader
		line, err := h.next()
		reusable = err == nil && len(line) == 0 // trailers are not worth reading
	}
	return start, whole, reusable
}

// readStart reads at most MaxRead bytes of the body.
func (a *answer) readStart(r *bufio.Reader) (n int64, start []byte, err error) {
	body := io.Reader(r)
	switch {
	case a.chunked:
		body = httputil.NewChunkedReader(r)
	case a.length >= 0 && !a.shown:
		n, err := r.Discard(int(min(a.length, MaxRead)))
		return int64(n), nil, err
	case a.length >= 0:
		body = io.LimitReader(r, a.length)
	}
	body = io.LimitReader(body, MaxRead)
	if a.shown {
		start, err = io.ReadAll(body)
		return int64(len(start)), start, err
	}
	n, err = io.Copy(io.Discard, body)
	return n, nil, err
}
