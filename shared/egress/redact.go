package egress

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// redactor replaces values that must not be kept, in the forms in which endpoints echo them, whatever the case of
// their letters. It takes time in proportion to the number of forms and the length of a text.
type redactor struct {
	forms []string // in lower case
	// next is scratch: for each prefix of a form, the length of its longest proper prefix that is also its end.
	next []int32
}

const replacement = "[redacted]"

// minEncoded is the least length in bytes of what is looked for in base64 and hexadecimal: what is shorter would be
// found everywhere.
const minEncoded = 6

// newRedactor looks for the values, and for what they hold: the key bytes of a signing secret, the credential after a
// scheme ("Bearer x"), the user and password of "Basic x".
func newRedactor(values []string) redactor {
	secrets := slices.Clone(values)
	for _, v := range values {
		if rest, ok := strings.CutPrefix(v, webhook.SecretPrefix); ok {
			secrets = append(secrets, rest)
			if key, err := base64.StdEncoding.DecodeString(rest); err == nil {
				secrets = append(secrets, string(key))
			}
		}
		if _, credential, ok := strings.Cut(v, " "); ok && len(credential) >= 8 {
			secrets = append(secrets, credential)
			if pair, err := base64.StdEncoding.DecodeString(credential); err == nil {
				_, password, _ := strings.Cut(string(pair), ":")
				secrets = append(secrets, string(pair))
				if len(password) >= minEncoded {
					secrets = append(secrets, password)
				}
			}
		}
	}
	var r redactor
	for _, s := range secrets {
		r.forms = append(r.forms, formsOf(s)...)
	}
	longest := 0
	for i, f := range r.forms {
		// A longer one than is read cannot be found whole, but its start can.
		r.forms[i] = lower(f[:min(len(f), MaxRead)])
		longest = max(longest, len(r.forms[i]))
	}
	slices.Sort(r.forms)
	r.forms = slices.DeleteFunc(slices.Compact(r.forms), func(f string) bool { return f == "" })
	r.next = make([]int32, longest+1)
	return r
}

// formsOf returns a value as it stands, as JSON, URLs and HTML write it, and in base64 and hexadecimal.
func formsOf(v string) []string {
	forms := []string{v, url.QueryEscape(v), url.PathEscape(v), componentEscape(v), html.EscapeString(v), namedEscape(v)}
	if quoted, err := json.Marshal(v); err == nil { // Go's: <, > and & are escaped
		again, _ := json.Marshal(string(quoted[1 : len(quoted)-1]))
		forms = append(forms, string(quoted[1:len(quoted)-1]), string(again[1:len(again)-1]))
	}
	for _, special := range []string{"", "/", "<>&='", `<>&'"+` + "`"} { // JavaScript's; PHP's; Gson's; .NET's
		forms = append(forms, jsonEscape(v, special))
	}
	if len(v) < minEncoded {
		return forms
	}
	forms = append(forms, hex.EncodeToString([]byte(v)))
	for before := range 3 {
		forms = append(forms, inBase64(base64.RawStdEncoding, v, before), inBase64(base64.RawURLEncoding, v, before))
	}
	return forms
}

// jsonEscape writes v as in a JSON string, the bytes of special escaped as well.
func jsonEscape(v, special string) string {
	var b strings.Builder
	for i := range len(v) {
		switch c := v[i]; {
		case c == '/' && special == "/":
			b.WriteString(`\/`)
		case strings.IndexByte(special, c) >= 0:
			fmt.Fprintf(&b, `\u%04x`, c)
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// componentEscape is JavaScript's encodeURIComponent.
func componentEscape(v string) string {
	return strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(url.QueryEscape(v))
}

// namedEscape writes quotes as most templates for HTML do; Go writes their numbers.
func namedEscape(v string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;").Replace(v)
}

// inBase64 returns what v looks like in the base64 of a longer text, where as many bytes stand before it as `before`
// and a multiple of three: the characters that depend on nothing else.
func inBase64(e *base64.Encoding, v string, before int) string {
	text := e.EncodeToString(append(make([]byte, before), v...))
	return text[(8*before+5)/6 : 8*(before+len(v))/6]
}

// span is a part of a text, from its first byte to behind its last.
type span struct{ from, to int }

// replace returns s with every value replaced.
func (r redactor) replace(s string) string {
	found, _ := r.find(s)
	return blank(s, found)
}

// replaceStart is replace for the start of a text whose rest is missing: an end that may be the start of a value is
// replaced as well.
func (r redactor) replaceStart(s string) string {
	found, tail := r.find(s)
	if tail > 0 {
		found = append(found, span{len(s) - tail, len(s)})
	}
	return blank(s, found)
}

// find returns where forms stand in s, and the length of the longest end of s that is the start of one.
func (r redactor) find(s string) (found []span, tail int) {
	for _, form := range r.forms {
		// Knuth, Morris, Pratt: all places, those that overlap too, in one pass.
		r.prepare(form)
		matched := 0
		for i := range len(s) {
			c := lowerByte(s[i])
			for matched > 0 && (matched == len(form) || form[matched] != c) {
				matched = int(r.next[matched])
			}
			if form[matched] == c {
				matched++
			}
			if matched != len(form) {
				continue
			}
			from := i + 1 - matched
			if last := len(found) - 1; last >= 0 && found[last].from <= from && from <= found[last].to {
				found[last].to = i + 1
			} else {
				found = append(found, span{from, i + 1})
			}
		}
		if matched == len(form) {
			matched = int(r.next[matched])
		}
		tail = max(tail, matched)
	}
	return found, tail
}

// blank replaces parts of s. Those that overlap or touch are replaced as one.
func blank(s string, found []span) string {
	if found == nil {
		return s
	}
	slices.SortFunc(found, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	end := 0
	for i, f := range found {
		if i == 0 || f.from > end {
			b.WriteString(s[end:f.from])
			b.WriteString(replacement)
		}
		end = max(end, f.to)
	}
	b.WriteString(s[end:])
	return b.String()
}

// prepare fills next for a form.
func (r redactor) prepare(form string) {
	r.next[0], r.next[1] = 0, 0
	for n, k := 1, 0; n < len(form); n++ {
		for k > 0 && form[k] != form[n] {
			k = int(r.next[k])
		}
		if form[k] == form[n] {
			k++
		}
		r.next[n+1] = int32(k)
	}
}

// lower is strings.ToLower for ASCII only, which keeps every length.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lowerByte(c)
	}
	return string(b)
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
