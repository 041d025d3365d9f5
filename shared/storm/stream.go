package storm

import (
	"context"
	"log/slog"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// trimHorizon is how long the stream keeps a record: what is older then is gone, and nobody is told. maxRecordAge is how old the
// mapping lets one become before it gives it to the on-failure destination (infra/dispatcher.go).
const (
	trimHorizon  = 24 * time.Hour
	maxRecordAge = 23 * time.Hour
)

// stream is the verifications table's stream with the event source mapping that invokes the dispatcher.
type stream struct {
	w     *world
	lanes []*lane
	seq   uint64
	lost  int
	// The mapping is disabled in between: nobody reads.
	from, to time.Duration
}

// lane is what is handled in order: a shard, or one of the partitions of its items. One batch at a time is under way.
type lane struct {
	st      *stream
	records []*streamRecord
	// done is how many records have been handled; the checkpoint.
	done    int
	busy    bool
	planned bool // a look at the lane is
	most    int  // how many records the next batch may have: less after an error
	backoff time.Duration
	// number is its place among all lanes; those of a shard stand together.
	number int
}

type streamRecord struct {
	seq   string
	raw   string
	at    time.Duration
	shown bool // passes the filter
	// arrives is when its shard's poller has read it.
	arrives time.Duration
}

func newStream(w *world) *stream {
	// The numbers become longer on the way: compared as text their order is another one.
	st := &stream{w: w, seq: 999_999_999_999 - uint64(w.rng.IntN(100_000_000))}
	for i := range w.plan.lanes {
		st.lanes = append(st.lanes, &lane{st: st, most: w.plan.batch, number: i})
	}
	return st
}

// position returns the lane of an item, and the next sequence number of the stream.
func (st *stream) position(item string) (*lane, string) {
	h := uint32(2166136261)
	for i := 0; i < len(item); i++ {
		h = (h ^ uint32(item[i])) * 16777619
	}
	st.seq += 1 + uint64(st.w.rng.IntN(3_000_000))
	return st.lanes[h%uint32(len(st.lanes))], strconv.FormatUint(st.seq, 10)
}

func (l *lane) append(r *streamRecord) {
	l.records = append(l.records, r)
	if l.st.w.plan.lambda != nil {
		l.arrive(r)
		return
	}
	l.poll(l.st.w.between(50*time.Millisecond, time.Second))
}

func eventOfRecords(raws []string) []byte {
	return []byte(`{"Records":[` + strings.Join(raws, ",") + `]}`)
}

// poll starts the next batch after d, if none is under way then.
func (l *lane) poll(d time.Duration) {
	if l.planned {
		return
	}
	l.planned = true
	l.st.w.s.after(d, func() {
		l.planned = false
		l.look()
	})
}

// look starts the next batch, if none is under way.
func (l *lane) look() {
	if l.st.disabled() {
		l.poll(l.st.to - l.st.w.s.now)
		return
	}
	if l.trim(); !l.busy && l.done < len(l.records) {
		l.invoke(l.done, false)
	}
}

func (st *stream) disabled() bool { return st.w.s.now >= st.from && st.w.s.now < st.to }

// trim leaves behind what is too old, and gives what of it is still in the stream to the on-failure destination as one batch.
func (l *lane) trim() {
	w := l.st.w
	var lost []string
	for ; !l.busy && l.done < len(l.records) && w.s.now-l.records[l.done].at > maxRecordAge; l.done++ {
		switch r := l.records[l.done]; {
		case w.s.now-r.at > trimHorizon:
			w.note("FAULT trimmed", r.seq, "")
		case r.shown:
			lost = append(lost, r.raw)
		}
	}
	if len(lost) == 0 {
		return
	}
	w.meter.lost(len(lost), w.plan.noDestination)
	if w.plan.noDestination {
		return
	}
	l.st.lost++
	p := webhook.Parked{
		ID: "lost_" + strconv.Itoa(l.st.lost), Reason: webhook.ReasonLeftStream, ParkedAt: w.s.clock(), Record: eventOfRecords(lost),
	}
	w.stats.Faults++
	w.note("FAULT left the stream", p.ID, strconv.Itoa(len(lost))+" records")
	if err := w.objects.Park(context.Background(), p); err != nil {
		panic(err)
	}
}

// batch is what is handed over from a position on, and where the next one begins.
func (l *lane) batch(from int) (batch []*streamRecord, next int) {
	for next = from; next < len(l.records) && len(batch) < l.most; next++ {
		r := l.records[next]
		if r.arrives > l.st.w.s.now {
			break
		}
		if r.shown {
			batch = append(batch, r)
		}
	}
	return batch, next
}

// invoke gives a batch to the dispatcher. What comes again does not move the checkpoint.
func (l *lane) invoke(from int, again bool) {
	w := l.st.w
	batch, next := l.batch(from)
	if len(batch) == 0 {
		if !again {
			l.done = next
		}
		return
	}
	raws := make([]string, len(batch))
	for i, r := range batch {
		raws[i] = r.raw
	}
	event := eventOfRecords(raws)
	if !again {
		l.busy = true
	}
	w.meter.behind(w.s.now - batch[len(batch)-1].at)
	var answer []byte
	w.invoke(w.dispatcher, func(ctx context.Context, e *env) {
		answer = w.serve(ctx, e, event, func(ctx context.Context, event []byte) (any, []slog.Attr, error) {
			return lambdarun.StreamEvent(ctx, event, e.engine.Dispatch)
		})
	}, func(why string) {
		if again {
			return
		}
		l.busy = false
		if w.stormy && why == "" && w.chance(w.plan.answerLost) {
			w.stats.Faults++
			w.note("FAULT answer of function lost", "dispatcher", "")
			answer = nil
		}
		l.settle(batch, from, next, answer)
	})
}

// settle moves the checkpoint as the function's answer says: to the lowest number that failed, and from there everything
// comes again. Without an answer the whole batch does, in halves.
func (l *lane) settle(batch []*streamRecord, from, next int, answer []byte) {
	w := l.st.w
	failed, all := map[string]bool{}, true
	if answer != nil {
		failed, all = failedItems(answer)
	}
	lowest := -1
	for i := from; i < next; i++ {
		if failed[l.records[i].seq] {
			if lowest < 0 || less(l.records[i].seq, l.records[lowest].seq) {
				lowest = i
			}
			delete(failed, l.records[i].seq)
		}
	}
	if len(failed) > 0 { // a number that was not in the batch
		all = true
	}
	switch {
	case all:
		l.most = max(1, len(batch)/2)
	case lowest >= 0:
		l.done, l.most = lowest, max(1, len(batch)/2)
	default:
		l.done, l.most, l.backoff = next, w.plan.batch, 0
		if w.plan.lambda != nil { // they do not come again
			for _, r := range l.records[from:next] {
				r.raw = ""
			}
		}
		if w.stormy && w.chance(w.plan.duplicate) {
			w.stats.Faults++
			w.note("FAULT batch comes again", batch[0].seq, "")
			if w.chance(0.5) {
				l.done = max(0, from-w.rng.IntN(3)) // another poller took over, with an older checkpoint
			} else {
				w.s.after(w.between(0, 40*time.Second), func() { l.invoke(from, true) })
			}
		}
		l.poll(w.between(0, 100*time.Millisecond))
		return
	}
	l.backoff = min(max(2*l.backoff, 250*time.Millisecond), 20*time.Second)
	l.poll(l.backoff + w.between(0, l.backoff))
}

func less(a, b string) bool {
	x, _ := new(big.Int).SetString(a, 10)
	y, _ := new(big.Int).SetString(b, 10)
	return x.Cmp(y) < 0
}

func (st *stream) drained() bool {
	for _, l := range st.lanes {
		if l.busy || l.done < len(l.records) {
			return false
		}
	}
	return true
}

// passes is the event source's filter (infra/dispatcher.go).
func passes(eventName, statusType, status string) bool {
	if eventName != "INSERT" && eventName != "MODIFY" {
		return false
	}
	return statusType != "S" || !strings.Contains(" PENDING IN_PROGRESS MANUAL_REVIEW ", " "+status+" ")
}
