package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/payload"
)

// workers is how many records are looked at at once: each takes a few requests of some milliseconds.
const workers = 16

// engine is what is needed of delivery.Engine.
type engine interface {
	Reconcile(ctx context.Context, image []byte, o delivery.Reconciliation) ([]delivery.Missing, error)
}

// reconciler looks at records and counts what it found.
type reconciler struct {
	plan   plan
	engine engine
	table  table

	mu  sync.Mutex
	out io.Writer
	// Records: checked were compared with their deliveries, failed were not, or not all that is missing was created;
	// the last three were left alone. Deliveries: missing and created.
	checked, failed, elsewhere, untimed, unusable, missing, created int
}

// all looks at every record that records yields.
func (r *reconciler) all(ctx context.Context, records func(context.Context, func(record) error) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work := make(chan record)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for x := range work {
				r.look(ctx, x)
			}
		})
	}
	err := records(ctx, func(x record) error {
		select {
		case work <- x:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	close(work)
	wg.Wait()
	return err
}

func (r *reconciler) look(ctx context.Context, x record) {
	if x.image == nil {
		var err error
		if x.image, err = r.table.Verification(ctx, x.id); err != nil {
			r.tell(&r.failed, "failed", x.id, "", err.Error())
			return
		}
	}
	id, partnerID := subject(x.image)
	o := delivery.Reconciliation{At: r.plan.at, Known: r.plan.known, Apply: r.plan.apply}
	if r.plan.attribute != "" {
		at, err := timeOf(x.image, r.plan.attribute)
		if err != nil {
			r.tell(&r.untimed, "untimed", id, partnerID)
			return
		}
		if at.Before(r.plan.since) || !at.Before(r.plan.until) {
			r.tell(&r.elsewhere, "")
			return
		}
		o.At, o.Known = at, true
	}
	found, err := r.engine.Reconcile(ctx, x.image, o)
	var unusable *payload.Unusable
	switch {
	case errors.As(err, &unusable):
		r.tell(&r.unusable, "unusable", id, partnerID, unusable.Error())
		return
	case err != nil:
		r.tell(&r.failed, "failed", id, partnerID, err.Error())
	default:
		r.tell(&r.checked, "")
	}
	for i := range found {
		d := &found[i]
		what := "missing"
		if d.Created {
			what = "created"
			r.tell(&r.created, "")
		}
		r.tell(&r.missing, what, id, partnerID, d.WebhookID, string(d.Event.Type), string(d.State))
	}
}

// tell counts something and prints a line of words about it, unless there are none.
func (r *reconciler) tell(count *int, what string, words ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*count++
	if what == "" {
		return
	}
	_, _ = fmt.Fprintln(r.out, local.Line(append([]string{what}, words...)...))
}

// report sums up.
func (r *reconciler) report() string {
	s := fmt.Sprintf("checked %d, missing %d, created %d, failed %d", r.checked, r.missing, r.created, r.failed)
	for _, other := range []struct {
		n    int
		what string
	}{
		{r.elsewhere, "of another time"}, {r.untimed, "without a time"}, {r.unusable, "that make no event"},
	} {
		if other.n > 0 {
			s += fmt.Sprintf("; %d %s", other.n, other.what)
		}
	}
	if !r.plan.apply && r.missing > 0 {
		s += "\nThis was a dry run: APPLY=1 creates them."
	}
	return s
}

// verdict is an error if the run did not do what it was asked to. Single records without a time are told and left alone;
// if none has one, the attribute is another. A list without an id is not the one that was meant.
func (r *reconciler) verdict() error {
	switch {
	case r.failed > 0:
		return errors.New("not everything could be checked or created; running it again is safe")
	case !r.plan.scan && r.failed+r.checked+r.elsewhere+r.untimed+r.unusable == 0:
		return errors.New("IDS or FILE names no verification, so nothing was checked")
	case r.untimed > 0 && r.checked+r.elsewhere+r.unusable == 0:
		return fmt.Errorf("TIME_ATTRIBUTE: no record has a time under %q, so nothing was checked", r.plan.attribute)
	}
	return nil
}
