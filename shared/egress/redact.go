package egress

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const replacement = "[redacted]"

// minEncoded is the least length in bytes of what is looked for in base64 and hexadecimal: what is shorter would be
// found everywhere.
const minEncoded = 6

// text is something that an endpoint sent. cut says that its rest is missing.
type text struct {
	s   string
	cut bool
}

// redact returns the texts without the values, in whatever form and case of letters an endpoint echoes them. An end of a
// cut text that may be the start of a value goes as well. Every form (some 20 for each value) is written once, into the
// same memory, and looked for in time that is proportional to its length and the texts'.
func redact(values []string, texts []text) []string {
	secrets := hidden(values)
	longest := 0
	for _, s := range secrets {
		longest = max(longest, len(s))
	}
	form := make([]byte, 0, maxExpansion*longest)
	next := make([]uint16, min(cap(form), MaxRead)+1)
	found := make([][]span, len(texts))
	for _, s := range secrets {
		for i, write := range forms {
			form = write(form[:0], s)
			if len(form) == 0 || i > 0 && string(form) == s {
				continue
			}
			// A longer one than is read cannot be found whole, but its start can.
			pattern := form[:min(len(form), MaxRead)]
			fold(pattern)
			prepare(pattern, next)
			for i, t := range texts {
				found[i] = find(pattern, next, t, found[i])
			}
		}
	}
	clean := make([]string, len(texts))
	for i, t := range texts {
		clean[i] = blank(t.s, found[i])
	}
	return clean
}

// hidden returns the values and what they hold: the key bytes of a signing secret, the credential after a scheme
// ("Bearer x"), the user and password of "Basic x".
func hidden(values []string) []string {
	secrets := slices.Clone(values)
	for _, v := range values {
		if rest, ok := strings.CutPrefix(v, webhook.SecretPrefix); ok {
			secrets = append(secrets, rest)
			if key, err := base64.StdEncoding.DecodeString(rest); err == nil {
				secrets = append(secrets, string(key))
			}
		}
		_, credential, ok := strings.Cut(v, " ")
		if !ok || len(credential) < 8 {
			continue
		}
		secrets = append(secrets, credential)
		if pair, err := base64.StdEncoding.DecodeString(credential); err == nil {
			secrets = append(secrets, string(pair))
			if _, password, _ := strings.Cut(string(pair), ":"); len(password) >= minEncoded {
				secrets = append(secrets, password)
			}
		}
	}
	return secrets
}

// span is a part of a text, from its first byte to behind its last.
type span struct{ from, to int }

// prepare fills next: for each start of the pattern, the length of its longest proper start that is also its end.
func prepare(pattern []byte, next []uint16) {
	next[0], next[1] = 0, 0
	for n, k := 1, 0; n < len(pattern); n++ {
		for k > 0 && pattern[k] != pattern[n] {
			k = int(next[k])
		}
		if pattern[k] == pattern[n] {
			k++
		}
		next[n+1] = uint16(k)
	}
}

// find adds where the pattern stands in a text: all places, those that overlap too, in one pass (Knuth, Morris, Pratt).
func find(pattern []byte, next []uint16, t text, found []span) []span {
	matched := 0
	for i := range len(t.s) {
		c := folded(t.s[i])
		for matched > 0 && (matched == len(pattern) || pattern[matched] != c) {
			matched = int(next[matched])
		}
		if pattern[matched] == c {
			matched++
		}
		if matched == len(pattern) {
			found = addSpan(found, span{i + 1 - matched, i + 1})
		}
	}
	if matched > 0 && matched < len(pattern) && t.cut {
		found = addSpan(found, span{len(t.s) - matched, len(t.s)})
	}
	return found
}

// addSpan joins a part to the last one, if they overlap or touch.
func addSpan(found []span, s span) []span {
	if last := len(found) - 1; last >= 0 && found[last].from <= s.from && s.from <= found[last].to {
		found[last].to = max(found[last].to, s.to)
		return found
	}
	return append(found, s)
}

// blank replaces parts of s. Those that overlap or touch are replaced as one.
func blank(s string, found []span) string {
	if found == nil {
		return s
	}
	slices.SortFunc(found, func(a, b span) int { return a.from - b.from })
	joined := found[:0]
	for _, f := range found {
		joined = addSpan(joined, f)
	}
	var b strings.Builder
	b.Grow(len(s) + len(replacement)*len(joined))
	end := 0
	for _, f := range joined {
		b.WriteString(s[end:f.from])
		b.WriteString(replacement)
		end = f.to
	}
	b.WriteString(s[end:])
	return b.String()
}

// fold puts ASCII letters into lower case; nothing else, so that every length stays.
func fold(b []byte) {
	for i, c := range b {
		b[i] = folded(c)
	}
}

func folded(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// maxExpansion is how many times longer than a value a form of it can be.
const maxExpansion = 7

// forms write a value as endpoints echo it: as it stands; in JSON as JavaScript, PHP, Go, Gson and .NET write it, and in
// JSON within JSON; in URLs as Go's two ways and JavaScript's; in HTML with Go's and with common entities; in
// hexadecimal and base64, also as part of a longer text. The first writes it as it stands. Case does not matter.
var forms = []func(dst []byte, v string) []byte{
	func(dst []byte, v string) []byte { return append(dst, v...) },
	inJSON(""), inJSON("/"), inJSON("<>&"), inJSON("<>&='"), inJSON(`<>&'"+` + "`"), inJSONTwice,
	inURL("-_.~", "+"), inURL("-_.~$&+:=@", "%20"), inURL("-_.~!'()*", "%20"),
	inHTML("&#34;", "&#39;"), inHTML("&quot;", "&#x27;"),
	func(dst []byte, v string) []byte {
		if len(v) < minEncoded {
			return dst
		}
		return hex.AppendEncode(dst, []byte(v))
	},
	inBase64(base64.RawStdEncoding, 0), inBase64(base64.RawStdEncoding, 1), inBase64(base64.RawStdEncoding, 2),
	inBase64(base64.RawURLEncoding, 0), inBase64(base64.RawURLEncoding, 1), inBase64(base64.RawURLEncoding, 2),
}

const hexDigits = "0123456789abcdef"

// inJSON writes a value as in a JSON string. A slash among special is escaped by a backslash, others by their number.
func inJSON(special string) func([]byte, string) []byte {
	return func(dst []byte, v string) []byte {
		for i := range len(v) {
			switch c := v[i]; {
			case strings.IndexByte(special, c) >= 0 && c != '/' || c < ' ' || c == 0x7f:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			case strings.IndexByte(special, c) >= 0 || c == '"' || c == '\\':
				dst = append(dst, '\\', c)
			default:
				dst = append(dst, c)
			}
		}
		return dst
	}
}

func inJSONTwice(dst []byte, v string) []byte {
	for i := range len(v) {
		switch c := v[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', '\\', '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// inURL writes a value with everything as %XX but letters, digits and the plain characters.
func inURL(plain, space string) func([]byte, string) []byte {
	return func(dst []byte, v string) []byte {
		for i := range len(v) {
			switch c := v[i]; {
			case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(plain, c) >= 0:
				dst = append(dst, c)
			case c == ' ':
				dst = append(dst, space...)
			default:
				dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		return dst
	}
}

func inHTML(quote, apostrophe string) func([]byte, string) []byte {
	return func(dst []byte, v string) []byte {
		for i := range len(v) {
			switch c := v[i]; c {
			case '&':
				dst = append(dst, "&amp;"...)
			case '<':
				dst = append(dst, "&lt;"...)
			case '>':
				dst = append(dst, "&gt;"...)
			case '"':
				dst = append(dst, quote...)
			case '\'':
				dst = append(dst, apostrophe...)
			default:
				dst = append(dst, c)
			}
		}
		return dst
	}
}

// inBase64 writes what a value looks like in the base64 of a longer text, where as many bytes stand before it as
// `before` and a multiple of three: the characters that depend on nothing else.
func inBase64(e *base64.Encoding, before int) func([]byte, string) []byte {
	return func(dst []byte, v string) []byte {
		if len(v) < minEncoded {
			return dst
		}
		padded := make([]byte, before, before+len(v))
		dst = e.AppendEncode(dst, append(padded, v...))
		return dst[(8*before+5)/6 : 8*(before+len(v))/6]
	}
}
