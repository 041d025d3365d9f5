package main

import (
	"context"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/payload"
)

// dispatch hands stream records to the engine as the dispatcher does.
func dispatch(ctx context.Context, e *delivery.Engine, records [][]byte) []error {
	return e.Dispatch(ctx, records)
}

// decodeEvent turns a stream event into records as the dispatcher does, and counts them.
func decodeEvent(event []byte) (events int, err error) {
	_, _, err = lambdarun.StreamEvent(context.Background(), event, func(_ context.Context, raws [][]byte) []error {
		errs := make([]error, len(raws))
		for i, raw := range raws {
			_, ok, err := payload.Decode(raw)
			if errs[i] = err; ok {
				events++
			}
		}
		return errs
	})
	return events, err
}
