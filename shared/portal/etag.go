package portal

import (
	"strconv"
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Precondition is the precondition of an edit.
type Precondition struct {
	IfMatch string `header:"If-Match" maxLength:"1000" doc:"The ETag that the caller has seen, or *. An edit of anything newer is refused with 412."`
}

func etag(rev int64) string { return `"` + strconv.FormatInt(rev, 10) + `"` }

// check compares strongly: a weak tag (W/...) never matches. Without the header everything does.
func (m Precondition) check(rev int64) error {
	if m.IfMatch == "" {
		return nil
	}
	for tag := range strings.SplitSeq(m.IfMatch, ",") {
		if tag = strings.Trim(tag, " \t"); tag == "*" || tag == etag(rev) {
			return nil
		}
	}
	return webhook.Errorf(webhook.Precondition, "The webhook has changed: its ETag is not the one in If-Match.")
}
