package egress

import (
	"bytes"
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

// maxWhole is up to which length a value is looked for whole in all forms although what is secret inside it is, too: of a
// longer one the scheme may be left, which saves memory.
const maxWhole = 512

// text is something that an endpoint sent. cut says that its rest is missing.
type text struct {
	s   string
	cut bool
}

// redact returns the texts without the values, in whatever form an endpoint echoes them: in any case of letters, escaped
// as in JSON, URLs, HTML or mail, once or several times, in base64 and hexadecimal, broken into lines. An end of a cut text
// that may be the start of a value goes as well. Each form is looked for in time that is proportional to the texts'.
func redact(values []string, texts []text) []string {
	longest := 0
	for _, t := range texts {
		longest = max(longest, len(t.s))
	}
	if longest == 0 {
		return make([]string, len(texts))
	}
	var all []pattern
	for _, v := range values {
		inside := within(v)
		all = append(all, inClear(v)...)
		if len(inside) == 0 || len(v) <= maxWhole {
			all = append(all, encoded(v)...)
		}
		for _, s := range inside {
			all = append(append(all, inClear(s)...), encoded(s)...)
		}
	}
	// A longer pattern than is read cannot be found whole, but its start can.
	next := make([]uint16, longest+1)
	views := newViews(longest)
	clean := make([]string, len(texts))
	for i, t := range texts {
		var found []span
		views.each(t, func(v view) {
			for _, p := range all {
				if p.depth == v.depth {
					p.b = p.b[:min(len(p.b), longest)]
					prepare(p.b, next)
					found = find(p, next, v, found)
				}
			}
		})
		clean[i] = blank(t.s, found)
	}
	return clean
}

// within returns the parts of a value that are as secret as the whole: what follows the prefix of a signing secret and the
// key bytes that it stands for, the credential after a scheme ("Bearer x"), the user and password of "Basic x".
func within(v string) []string {
	if rest, ok := strings.CutPrefix(v, webhook.SecretPrefix); ok {
		if key, err := base64.StdEncoding.DecodeString(rest); err == nil {
			return []string{rest, string(key)}
		}
		return []string{rest}
	}
	_, credential, ok := strings.Cut(v, " ")
	if !ok || len(credential) < 8 {
		return nil
	}
	inside := []string{credential}
	if pair, err := base64.StdEncoding.DecodeString(credential); err == nil {
		inside = append(inside, string(pair))
		if _, password, _ := strings.Cut(string(pair), ":"); len(password) >= minEncoded {
			inside = append(inside, password)
		}
	}
	return inside
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

// minStart is the least start of a value, in letters and digits, that is taken out of the stripped end of a cut text.
const minStart = 4

// find adds where the pattern stands in a view of a text: all places, those that overlap too, in one pass (Knuth, Morris,
// Pratt).
func find(p pattern, next []uint16, v view, found []span) []span {
	matched := 0
	for i, c := range v.b {
		for matched > 0 && (matched == len(p.b) || p.b[matched] != c) {
			matched = int(next[matched])
		}
		if p.b[matched] == c {
			matched++
		}
		if matched == len(p.b) {
			found = addSpan(found, v.span(i+1-matched, i+1, p))
		}
	}
	if v.cut && matched > 0 && matched < len(p.b) && (v.depth != stripped || matched >= minStart) {
		found = addSpan(found, span{v.span(len(v.b)-matched, len(v.b), p).from, v.size})
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

// pattern is what is looked for in the views of one depth. before and after say that the value begins, or ends, with
// something that stripping takes away.
type pattern struct {
	b             []byte
	depth         depth
	before, after bool
}

// inClear are the forms in which a value can be read.
func inClear(s string) []pattern {
	if s == "" {
		return nil
	}
	b := []byte(s)
	fold(b)
	all := []pattern{{b: b}, {b: b, depth: decoded}}
	if strings.Contains(s, " ") { // as forms are sent
		all = append(all, pattern{b: bytes.ReplaceAll(b, []byte(" "), []byte("+")), depth: decoded})
	}
	return all
}

// encoded are the forms in which a value is found in what is left of a text: as what is left of it, of its hexadecimal and
// of its base64, the latter as a part of a longer text, too. An endpoint may have changed the case of letters before it
// encoded.
func encoded(s string) []pattern {
	var all []pattern
	add := func(form []byte) { // takes the form's memory
		if len(form) == 0 {
			return
		}
		before, after := !kept(form[0]), !kept(form[len(form)-1])
		if b := strip(view{b: form}).b; len(b) >= minEncoded {
			all = append(all, pattern{b, stripped, before, after})
		}
	}
	add([]byte(s))
	// What a value itself holds of escapes is undone in a text as well.
	if strings.ContainsAny(s, `%\&`) {
		undone := view{b: []byte(s)}
		for range mostEscaped {
			if undone.unescape(false) {
				add(slices.Clone(undone.b))
			}
		}
	}
	if len(s) < minEncoded {
		return all
	}
	scratch := make([]byte, 0, len(s)+2)
	cased := []string{s, strings.ToLower(s), strings.ToUpper(s)}
	for i, c := range cased {
		if slices.Contains(cased[:i], c) {
			continue
		}
		add(hex.AppendEncode(nil, []byte(c)))
		for before := range 3 {
			scratch = append(append(scratch[:0], make([]byte, before)...), c...)
			add(inBase64(scratch, before))
		}
	}
	return all
}

// inBase64 writes what a value looks like in the base64 of a longer text, where as many bytes stand before it as
// `before`, which v begins with, and a multiple of three: the characters that depend on nothing else.
func inBase64(v []byte, before int) []byte {
	return base64.RawStdEncoding.AppendEncode(nil, v)[(8*before+5)/6 : 8*len(v)/6]
}
