package egress

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// echoes are the forms in which endpoints echo a value, as the standard library writes them where it does.
func echoes(v string) map[string]string {
	quoted, _ := json.Marshal(v)
	inside := string(quoted[1 : len(quoted)-1])
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	script := strings.TrimSuffix(plain.String(), "\n")
	return map[string]string{
		"as it stands": v, "upper case": strings.ToUpper(v), "lower case": strings.ToLower(v),
		"JSON by Go": inside, "JSON by JavaScript": script, "JSON by PHP": strings.ReplaceAll(script, "/", `\/`),
		"JSON by Gson":   strings.NewReplacer("=", `\u003d`, "'", `\u0027`).Replace(inside),
		"JSON by .NET":   strings.NewReplacer("'", `\u0027`, "+", `\u002B`, "`", `\u0060`, `\"`, `\u0022`).Replace(inside),
		"a form's field": url.QueryEscape(v), "a URL's path": url.PathEscape(v), "HTML": html.EscapeString(v),
		"HTML by a template": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;").Replace(v),
		"hexadecimal":        hex.EncodeToString([]byte(v)), "HEXADECIMAL": strings.ToUpper(hex.EncodeToString([]byte(v))),
		"base64": base64.StdEncoding.EncodeToString([]byte(v)), "base64url": base64.RawURLEncoding.EncodeToString([]byte(v)),
		"base64 of a line":       base64.StdEncoding.EncodeToString([]byte("authorization: " + v + "\r\n")),
		"Python's quote":         strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(v), "+", "%20"), "%2F", "/"),
		"JavaScript's encodeURI": strings.NewReplacer("%2F", "/", "%2B", "+", "%3D", "=", "%26", "&", "+", "%20").Replace(url.QueryEscape(v)),
		"every byte as %XX":      everyByte("%%%02X", v), "every byte as \\x": everyByte(`\x%02x`, v), "entities": everyByte("&#%d;", v),
		"a URL in a URL": url.QueryEscape(url.QueryEscape(v)), "JSON in JSON": inJSON(inJSON(v)),
		"Handlebars": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;", "`", "&#x60;", "=", "&#x3D;").Replace(v),
		"mail":       strings.ReplaceAll(v, "=", "=3D"), "JSON with slashes by number": strings.ReplaceAll(inside, "/", `\u002f`),
		"base64 in lines":      lines(base64.StdEncoding.EncodeToString([]byte("authorization: " + v + "\r\n"))),
		"base64 of upper case": base64.StdEncoding.EncodeToString([]byte(strings.ToUpper(v))), "spaced hexadecimal": everyByte("%02x ", v),
		"base64 after one": base64.URLEncoding.EncodeToString([]byte("k" + v + "...")), "base64 after two": base64.StdEncoding.EncodeToString([]byte("k=" + v + "..")),
	}
}

func everyByte(format, v string) string {
	var b strings.Builder
	for i := range len(v) {
		fmt.Fprintf(&b, format, v[i])
	}
	return b.String()
}

func inJSON(v string) string {
	quoted, _ := json.Marshal(v)
	return string(quoted[1 : len(quoted)-1])
}

func lines(v string) string {
	var b strings.Builder
	for ; len(v) > 20; v = v[20:] {
		b.WriteString(v[:20] + "\r\n")
	}
	return b.String() + v
}

// printableValue has some letters and digits, as secrets do: what has fewer than six is found in fewer forms.
var printableValue = rapid.StringMatching(`[ -~]{12,80}`).Filter(func(s string) bool { return len(strip(view{b: []byte(s)}).b) >= 10 })

// TestRedactForms: no form of a value, nor of what the value holds, is left in a text, and all else is.
func TestRedactForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inner := printableValue.Draw(t, "value")
		value := inner
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 1:
			value = webhook.SecretPrefix + base64.StdEncoding.EncodeToString([]byte(inner))
		case 2:
			value = "Bearer " + inner
		case 3:
			inner = strings.ReplaceAll(inner, ":", ".")
			value = "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+inner))
		}
		forms := echoes(rapid.SampledFrom([]string{value, inner}).Draw(t, "echoed"))
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(forms))).Draw(t, "form")
		form := forms[name]
		// No form holds a §, so the ends are the text's own.
		got := redact([]string{value}, []text{{"§" + form + "§", false}})[0]
		if !strings.Contains(got, replacement) || len(got) > len("§"+form+"§")/2+len(replacement)+24 {
			t.Fatalf("%q as %s: %q becomes %q", value, name, form, got)
		}
		if strings.HasPrefix(name, "base64 ") { // what stands beside the value may stay
			return
		}
		for n := 10; n <= len(form); n++ {
			if left := strings.ToLower(form[n-10 : n]); strings.Contains(strings.ToLower(got), left) {
				t.Fatalf("%q as %s: %q of %q is left in %q", value, name, left, form, got)
			}
		}
	})
}

func TestRedactLeavesTheRest(t *testing.T) {
	values := []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "Bearer your-secure-secret-key-here", "abab"}
	for _, tt := range []struct {
		in, want string
		cut      bool
	}{
		{"", "", true},
		{"nothing to see.", "nothing to see.", true},
		{"ends with whsec_Mf", "ends with whsec_Mf", false},
		{"ends with whsec_Mf", "ends with [redacted]", true},
		{"WHSEC_mfkq9r8gkyqrtwjupd8ilpzio2lalasw!", "[redacted]!", false},
		{"key your-secure-secret-key-here.", "key [redacted].", false},
		{"xabababy", "x[redacted]y", false}, // those that overlap are one
		{"abab abab", "[redacted] [redacted]", false},
		{"ababa", "[redacted]", true}, {"ababa", "[redacted]a", false},
		{"aba", "[redacted]", true}, {"aba", "aba", false},
	} {
		if got := redact(values, []text{{"other", false}, {tt.in, tt.cut}}); got[0] != "other" || got[1] != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got[1], tt.want)
		}
	}
}

// TestRedactTime: a text that is nothing but starts of the value is as quick as any other.
func TestRedactTime(t *testing.T) {
	values := []string{strings.Repeat("a", 4095) + "b", strings.Repeat(`"`, 4096), "whsec_" + strings.Repeat("AAAA", 21)}
	texts := make([]text, 1, 45)
	texts[0] = text{strings.Repeat("a", MaxRead), true}
	for range 12 { // a header's 64 KiB
		texts = append(texts, text{strings.Repeat("a", maxKeptValue), true})
	}
	best := time.Hour
	for range 3 {
		began := time.Now()
		redact(values, texts)
		best = min(best, time.Since(began))
	}
	if best > 500*time.Millisecond {
		t.Errorf("took %v", best)
	}
	t.Log(best)
}
