package storm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Used is what a scenario with limits says about a resource.
type Used struct {
	Name string
	// Full is the first second of three in a row in which at least 90 % of it were used, or in which it refused something;
	// negative if there is none.
	Full int
	// Most is the most of it that was used in a second, as a share.
	Most float64
	// Refusals counts what it refused.
	Refusals int
}

const (
	fullShare = 0.9
	fullFor   = 3
)

func (u *use) full() int {
	at := -1
	for i := 0; i+fullFor <= len(u.shares) && at < 0; i++ {
		if slices.Min(u.shares[i:i+fullFor]) >= fullShare {
			at = i
		}
	}
	if u.throttled >= 0 {
		if s := int(u.throttled / time.Second); at < 0 || s < at {
			at = s
		}
	}
	return at
}

// used tells of each resource what was used of it: first those that were used up, in the order in which they were.
func (m *capacity) used() (all []Used) {
	if m == nil {
		return nil
	}
	for name, u := range m.uses {
		x := Used{Name: string(name), Full: u.full(), Refusals: u.refusals}
		if len(u.shares) > 0 {
			x.Most = slices.Max(u.shares)
		}
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b Used) int {
		if (a.Full < 0) != (b.Full < 0) {
			return cmp.Compare(b.Full, a.Full)
		}
		return cmp.Or(cmp.Compare(a.Full, b.Full), cmp.Compare(b.Most, a.Most), strings.Compare(a.Name, b.Name))
	})
	return all
}

// Full returns the names of the resources that were used up, in that order, and when.
func (r *Isolation) Full() (names []string, seconds []int) {
	for _, u := range r.Used {
		if u.Full >= 0 {
			names, seconds = append(names, u.Name), append(seconds, u.Full)
		}
	}
	return names, seconds
}

// usage prints what was used of what.
func (r *Isolation) usage() string {
	var b strings.Builder
	for _, u := range r.Used {
		full := "never full"
		if u.Full >= 0 {
			full = fmt.Sprintf("full at %d s", u.Full)
		}
		_, _ = fmt.Fprintf(&b, "  %-32s %-14s most %4.0f %%, refused %d\n", u.Name, full, 100*u.Most, u.Refusals)
	}
	_, _ = fmt.Fprintf(&b, "  %d records waited in the stream at most, %d messages on the queue; %d requests were made twice\n", r.MostBehind, r.MostReady, r.Repeated)
	return b.String()
}
