package e2e

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// `make activate` brings back what failures switched off, first what tripped the switch, and leaves alone what a partner
// has switched off. It is told the partner each time: other tests have webhooks that are to stay as they are.
func TestMakeActivate(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	since := "SINCE=" + time.Now().UTC().Format(time.RFC3339Nano)
	type victim struct {
		*partner
		e             *endpoint
		h             hook
		first, second string
	}
	var victims []victim
	for range 2 {
		p, e, h := hooked(t, w, failing(6))
		victims = append(victims, victim{p, e, h, newID("activate-first"), newID("activate-second")})
	}
	one := victims[0]
	own := one.webhook(one.e.url, nil)
	one.call("POST", "/v1/webhooks/"+own.ID+"/deactivate", nil, nil)
	for _, v := range victims {
		v.write(v.first, "VERIFIED")
	}
	for _, v := range victims {
		v.awaitDelivery(v.h.ID, v.first, "exhausted", time.Minute)
		v.write(v.second, "FAILED")
		v.awaitDelivery(v.h.ID, v.second, "held", 15*time.Second)
	}

	for _, v := range victims {
		u, err := url.Parse(v.e.url)
		must(t, err)
		named, of := v.id+"\t"+v.h.ID+"\t"+u.Host+"\t", "PARTNER="+v.id
		out := runMake(t, "activate", since, of)
		if !strings.HasPrefix(out, named) || !strings.Contains(out, "\t1 held\n1 webhooks of "+v.id+" were switched off") || v.getWebhook(v.h.ID).Active {
			t.Errorf("a dry run tells\n%s\nwant %q", out, named)
		}
		out = runMake(t, "activate", since, "UNTIL="+time.Now().UTC().Format(time.RFC3339Nano), of, "APPLY=1")
		if !strings.HasPrefix(out, named) || !strings.Contains(out, "\t1 held\tactivated\n") {
			t.Errorf("applied:\n%s", out)
		}
		v.awaitDelivery(v.h.ID, v.first, "delivered", 30*time.Second)
		v.awaitDelivery(v.h.ID, v.second, "delivered", 30*time.Second)
		if got := v.e.attempts(); got != "1 2 3 4 5 6 7 1" || v.e.about(v.second) != 1 {
			t.Errorf("the endpoint saw the attempts %q", got)
		}
		if out := runMake(t, "activate", since, of, "APPLY=1"); !strings.HasPrefix(out, "0 webhooks of "+v.id+" were") {
			t.Errorf("the second time:\n%s", out)
		}
	}
	if off := one.getWebhook(own.ID); off.Active || off.Deactivation == nil || off.Deactivation.Reason != "partner" || off.HeldCount != 2 {
		t.Errorf("what its partner has switched off is %+v", off)
	}
}
