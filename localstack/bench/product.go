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

// decodeRecords reads stream records as the engine does.
func decodeRecords(raws [][]byte) (records []payload.Record, err error) {
	records = make([]payload.Record, 0, len(raws))
	for _, raw := range raws {
		r, ok, err := payload.Decode(raw)
		if err != nil {
			return nil, err
		}
		if ok {
			records = append(records, r)
		}
	}
	return records, nil
}

// decodeEvent turns a stream event into records as the dispatcher does, and counts them.
func decodeEvent(event []byte) (events int, err error) {
	_, _, err = lambdarun.StreamEvent(context.Background(), event, func(_ context.Context, raws [][]byte) []error {
		records, err := decodeRecords(raws)
		events = len(records)
		errs := make([]error, len(raws))
		if err != nil {
			errs[0] = err
		}
		return errs
	})
	return events, err
}
