package dynamo

import (
	"context"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

type answerItem struct {
	header
	RequestHash []byte
	Sealed      []byte
	ExpiresAt   int64
}

func (i *answerItem) fields(c *coder) {
	i.header.fields(c)
	c.bytes("h", &i.RequestHash, always)
	c.bytes("se", &i.Sealed, ifSet)
	c.int64("ex", &i.ExpiresAt, always)
}

func newAnswerItem(a *webhook.Answer, token string) *answerItem {
	return &answerItem{
		header:      headerOf(answerKey(a.PartnerID, a.Key), token, a.ExpiresAt),
		RequestHash: a.RequestHash[:], Sealed: a.Sealed, ExpiresAt: nanos(a.ExpiresAt),
	}
}

// Answer implements portal.Store with one GetItem. The end is compared here: DynamoDB deletes late.
func (s *Store) Answer(ctx context.Context, partnerID, k string, now time.Time) (webhook.Answer, error) {
	var i answerItem
	if err := s.get(ctx, s.o.ServiceTable, answerKey(partnerID, k), &i); err != nil {
		return webhook.Answer{}, named(err, "no such answer")
	}
	a := webhook.Answer{PartnerID: partnerID, Key: k, Sealed: i.Sealed, ExpiresAt: fromNanos(i.ExpiresAt)}
	if !now.Before(a.ExpiresAt) {
		return webhook.Answer{}, webhook.Errorf(webhook.NotFound, "no such answer")
	}
	if len(i.RequestHash) != len(a.RequestHash) {
		return webhook.Answer{}, webhook.Errorf(webhook.Corrupt, "an answer's hash has the wrong length")
	}
	copy(a.RequestHash[:], i.RequestHash)
	return a, nil
}
