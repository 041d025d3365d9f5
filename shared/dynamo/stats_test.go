package dynamo

import (
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestStatsSize keeps an hour's counters below the 1 KB that one write unit covers, whatever is in them: a million
// attempts of every duration, for the longest ids that this service makes.
func TestStatsSize(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 123_456_789, time.UTC)
	const million = 1_234_567
	ids := webhook.IDSource{Now: func() time.Time { return at }, Rand: strings.NewReader(strings.Repeat("x", 100))}
	i := statsItem{
		header:    headerOf(statsKey(ids.Partner(), ids.Webhook(), at), "", at.Add(statsRetention)),
		Delivered: million, Exhausted: million, Failed: million, Trailing: million, LastDeliveryAt: nanos(at),
		LastError: string(webhook.ErrConnectionRefused), LastStatusCode: 599, FailedTemplate: nanos(at), Undeliverable: million,
	}
	for n := range i.Durations {
		i.Durations[n] = million
	}
	n := size(encode(&i))
	t.Logf("%d bytes", n)
	if n > 768 {
		t.Errorf("an hour's counters take %d bytes, want at most 768", n)
	}
}

// TestStatsUpdate: a batch's update speaks of nothing but what the batch changes.
func TestStatsUpdate(t *testing.T) {
	add := webhook.Stats{Hour: time.Unix(0, 0).UTC(), Delivered: 100, LastDeliveryAt: time.Unix(60, 0)}
	add.Durations[7], add.Durations[9] = 99, 1
	u := statsUpdate(&add)
	const want = "SET #v = :v, #ttl = :ttl, #t = :t, #ld = :ld ADD #d :d, h7 :h7, h9 :h9"
	if got := *u.expression(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if text(u.values[":h7"]) != "99" || text(u.values[":h9"]) != "1" || len(u.values) != 7 || len(u.names) != 5 {
		t.Errorf("values %v, names %v", u.values, u.names)
	}
	nothing := statsUpdate(&webhook.Stats{Hour: add.Hour, FailedTemplate: time.Unix(60, 0)})
	if got := *nothing.expression(); got != "SET #v = :v, #ttl = :ttl, #tf = :tf" {
		t.Errorf("of a template that failed: %s", got)
	}
}

type oldStatsItem struct {
	OldHeader
	Delivered      int    `dynamodbav:"d,omitempty"`
	Exhausted      int    `dynamodbav:"x,omitempty"`
	Failed         int    `dynamodbav:"f,omitempty"`
	Trailing       int    `dynamodbav:"t,omitempty"`
	LastDeliveryAt int64  `dynamodbav:"ld,omitempty"`
	LastError      string `dynamodbav:"le,omitempty"`
	LastStatusCode int    `dynamodbav:"ls,omitempty"`
	FailedTemplate int64  `dynamodbav:"tf,omitempty"`
	Undeliverable  int    `dynamodbav:"u,omitempty"`
	OldDurations
}

// OldDurations is exported because the SDK's encoder reads no other embedded struct.
type OldDurations struct {
	H0  int `dynamodbav:"h0,omitempty"`
	H1  int `dynamodbav:"h1,omitempty"`
	H2  int `dynamodbav:"h2,omitempty"`
	H3  int `dynamodbav:"h3,omitempty"`
	H4  int `dynamodbav:"h4,omitempty"`
	H5  int `dynamodbav:"h5,omitempty"`
	H6  int `dynamodbav:"h6,omitempty"`
	H7  int `dynamodbav:"h7,omitempty"`
	H8  int `dynamodbav:"h8,omitempty"`
	H9  int `dynamodbav:"h9,omitempty"`
	H10 int `dynamodbav:"h10,omitempty"`
	H11 int `dynamodbav:"h11,omitempty"`
	H12 int `dynamodbav:"h12,omitempty"`
	H13 int `dynamodbav:"h13,omitempty"`
	H14 int `dynamodbav:"h14,omitempty"`
	H15 int `dynamodbav:"h15,omitempty"`
	H16 int `dynamodbav:"h16,omitempty"`
	H17 int `dynamodbav:"h17,omitempty"`
	H18 int `dynamodbav:"h18,omitempty"`
	H19 int `dynamodbav:"h19,omitempty"`
	H20 int `dynamodbav:"h20,omitempty"`
	H21 int `dynamodbav:"h21,omitempty"`
	H22 int `dynamodbav:"h22,omitempty"`
	H23 int `dynamodbav:"h23,omitempty"`
	H24 int `dynamodbav:"h24,omitempty"`
	H25 int `dynamodbav:"h25,omitempty"`
	H26 int `dynamodbav:"h26,omitempty"`
	H27 int `dynamodbav:"h27,omitempty"`
	H28 int `dynamodbav:"h28,omitempty"`
	H29 int `dynamodbav:"h29,omitempty"`
	H30 int `dynamodbav:"h30,omitempty"`
	H31 int `dynamodbav:"h31,omitempty"`
	H32 int `dynamodbav:"h32,omitempty"`
	H33 int `dynamodbav:"h33,omitempty"`
	H34 int `dynamodbav:"h34,omitempty"`
	H35 int `dynamodbav:"h35,omitempty"`
	H36 int `dynamodbav:"h36,omitempty"`
	H37 int `dynamodbav:"h37,omitempty"`
	H38 int `dynamodbav:"h38,omitempty"`
	H39 int `dynamodbav:"h39,omitempty"`
}
