package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/objects"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// store is what is needed of dynamo.Store.
type store interface {
	Verification(ctx context.Context, verificationID string) (image []byte, err error)
	PartnerWebhooks(ctx context.Context, partnerID string) (webhook.Partner, []webhook.Webhook, error)
	ScanDeliveries(ctx context.Context, partnerID, verificationID string, f func(r webhook.Ref, ofVerification bool) error) error
	ScanBodies(ctx context.Context, partnerID, webhookID string, f func(r webhook.Ref, body []byte, err error) error) error
	Delivery(ctx context.Context, r webhook.Ref) (webhook.Delivery, error)
	Commit(ctx context.Context, c webhook.Change) error
}

// bucket is what is needed of objects.Objects.
type bucket interface {
	KeptVersions(ctx context.Context, partnerID string, f func(webhook.Ref, objects.Versions) error) error
	ParkedVersions(ctx context.Context, f func(webhook.ParkedSummary, objects.Versions) error) error
	Latest(ctx context.Context, v objects.Versions) (webhook.Parked, error)
	RemoveVersions(ctx context.Context, v objects.Versions) error
}

// forgetter looks for what there is of one verification, and with apply removes it. It is used once.
type forgetter struct {
	partnerID, verificationID string
	apply                     bool
	store                     store
	bucket                    bucket
	out                       io.Writer
	now                       func() time.Time
	stage                     string

	// fates says what became of the deliveries that were looked at, webhooks names those that the partner has or had.
	fates    map[webhook.Ref]fate
	webhooks map[string]bool
	// found counts what there was, removed what of it is gone now; refused is still on its way, changed did so meanwhile,
	// failed could not be read or removed; shared is in batches with others', elsewhere of other partners.
	found, removed, refused, changed, failed, shared, elsewhere int
	// there tells that the verifications table still holds the record.
	there bool
}

// fate is what became of a delivery: it was not there, it is gone or without apply would be, or it stays.
type fate int

const (
	absent fate = iota
	gone
	stays
)

// forget does all of it. Whatever comes first can be found without what comes after it, so it may end at any point and be
// repeated.
func (f *forgetter) forget(ctx context.Context) error {
	f.fates, f.webhooks = map[webhook.Ref]fate{}, map[string]bool{}
	f.tell("begin", "partner", f.partnerID, "verification", f.verificationID, "apply", strconv.FormatBool(f.apply))
	if err := f.recorded(ctx); err != nil {
		return err
	}
	known := true
	_, hooks, err := f.store.PartnerWebhooks(ctx, f.partnerID)
	switch {
	case webhook.CodeOf(err) == webhook.NotFound:
		known = false
	case err != nil:
		return err
	}
	for i := range hooks {
		f.webhooks[hooks[i].ID] = true
	}
	for _, step := range []func(context.Context) error{f.parkedFirst, f.deliveries, f.kept, f.bodies} {
		if err := step(ctx); err != nil {
			f.end()
			return fmt.Errorf("not everything was looked at, running it again is safe: %w", err)
		}
	}
	f.remains()
	f.end()
	return f.verdict(known)
}

// recorded looks whether the verifications table still holds the record: with that nothing is removed.
func (f *forgetter) recorded(ctx context.Context) error {
	_, err := f.store.Verification(ctx, f.verificationID)
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	f.there = true
	f.tell("stays", "record", f.verificationID, "in the verifications table: remove it there first")
	if !f.apply {
		return nil
	}
	return errors.New("the record is still in the verifications table; a late change of it or a reconciliation would " +
		"make its deliveries anew, and send them: remove it there first. Nothing was removed")
}

// parkedFirst is parked, before all others: handled again, what is parked would make deliveries anew, and send them. So
// with apply nothing else goes while something may be parked.
func (f *forgetter) parkedFirst(ctx context.Context) error {
	err := f.parked(ctx)
	if err == nil && f.apply && f.failed > 0 {
		f.tell("stays", "deliveries", "and what belongs to them: what is still parked could make them anew")
		err = errors.New("not all that is parked could be looked at or removed")
	}
	return err
}

// remains says what it does not touch.
func (f *forgetter) remains() {
	f.tell("stays", "stream", "its records of the last 24 hours may still come: run this again after "+
		f.now().Add(24*time.Hour).UTC().Format(time.RFC3339))
	f.tell("stays", "logs", "their lines name ids; they end by themselves (logDays)")
	f.tell("stays", "copies", "point-in-time recovery holds the last 35 days of the tables (stage prod)")
}

func (f *forgetter) end() {
	words := []string{"end"}
	for _, c := range []struct {
		what string
		n    int
	}{
		{"found", f.found}, {"removed", f.removed}, {"refused", f.refused}, {"changed", f.changed}, {"failed", f.failed},
		{"in batches", f.shared}, {"of other partners", f.elsewhere},
	} {
		words = append(words, c.what, strconv.Itoa(c.n))
	}
	f.tell(words...)
}

// verdict is nil if all is gone; without apply, if all was looked at.
func (f *forgetter) verdict(knownPartner bool) error {
	switch {
	case f.failed > 0:
		return errors.New("not everything could be looked at or removed; running it again is safe")
	case f.found+f.refused+f.shared == 0 && (!knownPartner || f.elsewhere > 0):
		return errors.New("nothing was found of this partner: is PARTNER the right one?")
	case !f.apply && f.found > 0:
		when := ""
		if f.there {
			when = " once the record is gone"
		}
		_, _ = fmt.Fprintf(f.out, "This was a dry run: APPLY=1 removes what was found%s.\n", when)
		return nil
	case f.found+f.refused+f.shared == 0:
		f.tell("nothing", "was found: all is gone already, or VERIFICATION is another")
		return nil
	case !f.apply:
		return nil
	case f.refused+f.changed > 0:
		return errors.New("not all is gone: see what was refused or changed; run it again when that is over")
	case f.shared > 0:
		return errors.New("not all is gone: batches in the bucket hold records of others too (infra/README.md, \"Security\")")
	case f.elsewhere > 0:
		return errors.New("not all is gone: some is filed under other partners; run it for each of them")
	}
	return nil
}

// tell prints a line: the time, the stage, and what is said.
func (f *forgetter) tell(words ...string) {
	_, _ = fmt.Fprintln(f.out, local.Line(append([]string{f.now().UTC().Format(time.RFC3339), f.stage}, words...)...))
}

// remove removes something that was found, or says that it would be. It tells whether it is gone, or would be.
func (f *forgetter) remove(do func() error, words ...string) bool {
	f.found++
	if !f.apply {
		f.tell(append([]string{"found"}, words...)...)
		return true
	}
	err := do()
	switch webhook.CodeOf(err) {
	case "":
		f.removed++
		f.tell(append([]string{"removed"}, words...)...)
		return true
	case webhook.Conflict:
		f.changed++
		f.tell(append([]string{"changed"}, words...)...)
	default:
		f.fail(err, words...)
	}
	return false
}

func (f *forgetter) fail(err error, words ...string) {
	f.failed++
	f.tell(append(append([]string{"failed"}, words...), err.Error())...)
}
