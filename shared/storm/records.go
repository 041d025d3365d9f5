package storm

import (
	"fmt"
	"strconv"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// recordKind is what a record must become.
type recordKind int

const (
	noEvent recordKind = iota
	isEvent
	bad
)

// verification is an item of the verifications table.
type verification struct {
	id, partner, status string
}

// eventOf is the design's table of events, written down a second time.
func eventOf(old, status string) (webhook.EventType, bool) {
	final := status == "VERIFIED" || status == "FAILED" || status == "EXPIRED"
	switch {
	case !final || old == status:
		return "", false
	case status == "EXPIRED":
		return webhook.ExpiredType, true
	case old == "MANUAL_REVIEW":
		return webhook.ManualReviewCompleted, true
	case status == "VERIFIED":
		return webhook.Completed, true
	}
	return webhook.FailedType, true
}

// change writes a new status of an item, and the stream gets its record.
func (w *world) change(v *verification, status string) {
	old := v.status
	v.status = status
	typ, ok := eventOf(old, status)
	kind := noEvent
	if ok {
		kind = isEvent
	}
	name, oldImage := "MODIFY", image(v.id, v.partner, old, `"N":"7"`)
	if old == "" {
		name, oldImage = "INSERT", ""
	}
	w.write(v, name, image(v.id, v.partner, status, `"N":"7"`), oldImage, status, "S", kind, typ)
}

// spoil writes a record that can never become an event.
func (w *world) spoil(v *verification) {
	name, img, old, status, statusType := "INSERT", "", "", "VERIFIED", "S"
	switch w.rng.IntN(4) {
	case 0:
		img = image(v.id, "", status, `"N":"7"`)
	case 1:
		img = image(v.id, v.partner, status, `"S":"seven"`)
	case 2:
		status = "DONE"
		img = image(v.id, v.partner, status, `"N":"7"`)
	default:
		name = "MODIFY"
		img = image(v.id, v.partner, status, `"N":"7"`)
	}
	w.write(v, name, img, old, status, statusType, bad, "")
}

func image(id, partner, status, session string) string {
	p := ""
	if partner != "" {
		p = `"partnerId":{"S":` + strconv.Quote(partner) + `},`
	}
	formatted := ""
	if len(id)%2 == 0 {
		formatted = `,"formattedData":{"M":{"name":{"S":"N"}}}`
	}
	return fmt.Sprintf(`{"verificationId":{"S":%q},%s"status":{"S":%q},"sessionId":{%s},"proofData":{"M":{"z":{"N":"1.50"},"a":{"S":"é<%s>"}}}%s}`,
		id, p, status, session, id, formatted)
}

// write appends a record to the stream and tells the oracle.
func (w *world) write(v *verification, name, img, oldImage, status, statusType string, kind recordKind, typ webhook.EventType) {
	l, seq := w.stream.position(v.id)
	at := w.s.clock().Truncate(time.Second)
	old := ""
	if oldImage != "" {
		old = `,"OldImage":` + oldImage
	}
	raw := fmt.Sprintf(`{"eventID":"e%s","eventName":%q,"eventSource":"aws:dynamodb","awsRegion":"eu-west-1","dynamodb":{"ApproximateCreationDateTime":%d,"Keys":{"verificationId":{"S":%q}},"NewImage":%s%s,"SequenceNumber":%q,"SizeBytes":200,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`,
		seq, name, at.Unix(), v.id, img, old, seq)
	w.note("record "+status, v.id, seq)
	w.truth.events = append(w.truth.events, &eventTruth{
		verification: v.id, partner: v.partner, seq: seq, status: status, at: at, written: w.s.now, kind: kind, typ: typ,
		early: w.truth.partners[v.partner] == nil,
	})
	w.stats.Events++
	l.append(&streamRecord{seq: seq, raw: raw, at: w.s.now, shown: passes(name, statusType, status)})
}

// writer is the verification systems: it finishes verifications, alone and in bursts.
func (w *world) writer(partners []*partner) {
	left := w.plan.records
	var open []*verification
	for n := 0; left > 0 || w.truth.expected() < 55 || w.stats.Faults+w.stats.EndpointFaults < 5; {
		burst := 1
		if w.chance(0.25) {
			burst = w.number(2, 10)
		}
		for range burst {
			n++
			left--
			v := &verification{id: fmt.Sprintf("ver-%d-%d", w.seed, n), partner: partners[w.rng.IntN(len(partners))].id}
			if w.chance(w.plan.badRecords) {
				w.spoil(v)
				continue
			}
			if w.chance(0.02) {
				v.partner = w.late.id
			}
			w.finishOne(v)
			open = append(open, v)
			w.s.sleep(w.between(0, 400*time.Millisecond))
		}
		if len(open) > 0 && w.chance(0.2) { // a change that is no event, or a second one
			w.change(open[w.rng.IntN(len(open))], []string{"VERIFIED", "MANUAL_REVIEW", "PENDING"}[w.rng.IntN(3)])
		}
		if p := partners[w.rng.IntN(len(partners))]; w.s.now > w.plan.busy && len(w.truth.webhooksOf(p.id)) == 0 {
			w.create(p) // or nothing would come of the records
		}
		pause := w.plan.busy / time.Duration(w.plan.records/2)
		if w.s.now > 3*w.plan.busy {
			pause = 2 * time.Second // whoever deletes all webhooks must not keep this going for ever
			if w.s.now > 4*w.plan.busy {
				return
			}
		}
		w.s.sleep(w.between(0, pause))
	}
}

// finishOne brings a verification to an end, at once or on its way through other statuses.
func (w *world) finishOne(v *verification) {
	end := []string{"VERIFIED", "VERIFIED", "FAILED", "EXPIRED"}[w.rng.IntN(4)]
	for _, status := range [][]string{nil, nil, {"PENDING"}, {"PENDING", "IN_PROGRESS"}, {"PENDING", "MANUAL_REVIEW"}, {"VERIFIED"}}[w.rng.IntN(6)] {
		w.change(v, status)
		w.s.sleep(w.between(0, 3*time.Second))
	}
	w.change(v, end)
}
