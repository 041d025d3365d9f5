package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// decodeTimes are CPU microseconds per record.
type decodeTimes struct{ Ours, Library float64 }

// runDecode turns an event of a hundred records into records for a while, in the dispatcher's way and with
// aws-lambda-go's types, in turn.
func runDecode(struct{}) (decodeTimes, error) {
	m, now := newMaker(2), time.Now()
	raws := make([][]byte, batchSize)
	for i := range raws {
		raws[i] = m.record("prt_06fhv37201jqgrbde1p6asbrc4", now)
	}
	event := streamEvent(raws...)
	ours := func() error {
		events, err := decodeEvent(event)
		if err == nil && events != batchSize {
			err = fmt.Errorf("%d events of %d records", events, batchSize)
		}
		return err
	}
	library := func() error {
		var e events.DynamoDBEvent
		return json.Unmarshal(event, &e)
	}
	var t decodeTimes
	var err error
	if _, err = perRecord(ours); err != nil { // the first run warms up
		return t, err
	}
	if t.Ours, err = perRecord(ours); err != nil {
		return t, err
	}
	t.Library, err = perRecord(library)
	return t, err
}

// perRecord repeats f for a second of CPU and returns the microseconds for each of its records.
func perRecord(f func() error) (float64, error) {
	began, times := ownCPU(), 0
	for ownCPU()-began < time.Second {
		if err := f(); err != nil {
			return 0, err
		}
		times++
	}
	return float64((ownCPU() - began).Microseconds()) / float64(times*batchSize), nil
}
