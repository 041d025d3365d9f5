package local

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Line joins words by tabs. Ids come from records, where they may be anything: what would not stay one word of one line is
// quoted as Go does.
func Line(words ...string) string {
	words = slices.Clone(words)
	for i, w := range words {
		if w == "" || strings.ContainsFunc(w, func(c rune) bool { return unicode.IsControl(c) || c == '"' }) {
			words[i] = strconv.Quote(w)
		}
	}
	return strings.Join(words, "\t")
}
