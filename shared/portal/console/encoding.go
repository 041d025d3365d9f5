package console

import (
	"strconv"
	"strings"
)

// acceptsGzip tells whether the headers Accept-Encoding prefer gzip to the plain form (RFC 9110, 12.5.3). Who sends none
// gets the plain form, which everybody can read.
func acceptsGzip(headers []string) bool {
	weights := map[string]float64{}
	for coding := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, params, _ := strings.Cut(coding, ";")
		weights[strings.ToLower(strings.TrimSpace(name))] = weight(params)
	}
	gzip, named := weights["gzip"]
	if !named {
		gzip = weights["*"]
	}
	return gzip > 0 && gzip >= weights["identity"]
}

// weight reads ";q=0.5"; what is not understood is not wanted.
func weight(params string) float64 {
	name, value, ok := strings.Cut(strings.TrimSpace(params), "=")
	if !ok {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 0
	}
	return q
}
