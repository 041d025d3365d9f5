package egress

import (
	"testing"
	"time"
)

// TestDefaults: the times are those that partners were told.
func TestDefaults(t *testing.T) {
	c := New(Options{})
	o := c.options
	if o.ConnectTimeout != 5*time.Second || o.WriteTimeout != 5*time.Second || o.AnswerTimeout != 10*time.Second ||
		o.ExcerptTimeout != time.Second || o.CheckTimeout != 2*time.Second {
		t.Errorf("got %+v", o)
	}
	if maxIdleTime > 3*time.Second {
		t.Errorf("kept for %v", maxIdleTime)
	}
	if c.tls.InsecureSkipVerify || c.tls.RootCAs != nil || c.guard.exempt != nil {
		t.Error("a client for the functions trusts more than the system does")
	}
}
