package storm

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// drill is a time in which one thing goes wrong, and the alarms that must come of it. Others may come along.
type drill struct {
	name         string
	raises, also []string
	lasts        time.Duration
	crowds       []Crowd
	// plan changes the stack's; wrong is an actor.
	plan  func(p *plan)
	wrong func(w *world)
}

// play plays a drill to its end, and returns what CloudWatch would have.
func (r *Runner) drill(d drill) *meter {
	w := r.newWorld(1, false)
	x := Scenario{Seed: 1, For: d.lasts, Crowds: d.crowds}
	w.plan = x.plan()
	w.plan.lambda.shards, w.plan.lambda.parallelism, w.plan.lanes = 1, 4, 4
	if d.plan != nil {
		d.plan(&w.plan)
	}
	r.fill(w)
	w.quiet, w.stormy = true, true
	for _, fn := range []*function{w.dispatcher, w.retrier, w.portal} {
		fn.limit = w.plan.lambda.account
	}
	w.queue.fair = newMapping(w.queue, 50)
	w.measure()
	w.actors = 1
	w.s.spawn(nil, "setup", func() {
		w.open(&x)
		if d.wrong != nil {
			w.actor0(d.name, func() { d.wrong(w) })
		}
	}, nil)
	for w.s.now < d.lasts && w.s.step() {
	}
	w.s.end()
	return w.meter
}

func answering(status int, took time.Duration) Endpoint {
	return Endpoint{Class: "any", Answer: func(time.Duration, *rand.Rand) (int, time.Duration) { return status, took }}
}

// until has an endpoint that behaves like one before a time, and like another from then on.
func until(at time.Duration, before, after Endpoint) Endpoint {
	return Endpoint{Class: "any", Answer: func(now time.Duration, r *rand.Rand) (int, time.Duration) {
		if now < at {
			return before.Answer(now, r)
		}
		return after.Answer(now, r)
	}}
}

// failsNow fails a share of the requests.
func failsNow(share float64) Endpoint {
	return Endpoint{Class: "any", Answer: func(_ time.Duration, r *rand.Rand) (int, time.Duration) {
		if r.Float64() < share {
			return 500, 50 * time.Millisecond
		}
		return 200, 50 * time.Millisecond
	}}
}

var (
	well = answering(200, 50*time.Millisecond)
	down = answering(0, 0)
)

func crowd(partners int, perSecond float64, e Endpoint) []Crowd {
	return []Crowd{{Partners: partners, PerSecond: perSecond, Endpoints: []Endpoint{e}}}
}

const when = 10 * time.Minute // things go wrong

// firstHook is that of the first partner.
func (w *world) firstHook() (*partner, *hook) {
	p := w.partners[memberID(0, 0)]
	return p, w.truth.byPartner[p.id][0]
}

func (w *world) patch(p *partner, h *hook, body map[string]any) {
	if status, answer := w.api(p, "PATCH", "/v1/webhooks/"+h.id, body, "Content-Type", "application/merge-patch+json"); status != 200 {
		panic(fmt.Sprintf("storm: %d %s", status, answer))
	}
}

// deliver activates a webhook and has it brought what is held.
func (w *world) deliver(p *partner, h *hook) {
	w.api(p, "POST", "/v1/webhooks/"+h.id+"/activate", map[string]any{"held": "deliver"})
}

func drills() []drill {
	return slices.Concat(lateDrills(), waitingDrills(), failingDrills(), fullDrills())
}

func lateDrills() []drill {
	return []drill{
		{
			name: "the dispatcher cannot run", raises: []string{"StreamLateAlarm"}, also: []string{"ThrottlesAlarm", "EventsLateAlarm"},
			lasts: time.Hour, crowds: crowd(4, 0.2, well),
			wrong: func(w *world) { w.dispatcher.from, w.dispatcher.to = when, 40*time.Minute },
		},
		{
			name: "the mapping is disabled", raises: []string{"StreamStoppedAlarm"}, also: []string{"StreamLateAlarm", "EventsLateAlarm"},
			lasts: time.Hour, crowds: crowd(4, 0.2, well),
			wrong: func(w *world) { w.stream.from, w.stream.to = when, 40*time.Minute },
		},
		{
			name: "the dispatcher is slow", raises: []string{"EventsLateAlarm"}, also: []string{"StreamLateAlarm"},
			lasts: 50 * time.Minute, crowds: crowd(4, 0.5, well),
			plan: func(p *plan) {
				p.lambda.parallelism, p.lanes, p.batch, p.latency = 1, 1, 1, 800*time.Millisecond
			},
		},
		{
			name: "the retrier cannot run", raises: []string{"QueueLateAlarm", "DeadLettersAlarm", "ThrottlesAlarm"}, also: []string{"SweptUpAlarm"},
			lasts: 3 * time.Hour, crowds: crowd(4, 0.1, failsNow(0.3)),
			wrong: func(w *world) { w.retrier.from, w.retrier.to = when, 2*time.Hour+30*time.Minute },
		},
		{
			name: "one delivery cannot be read", raises: []string{"StuckAlarm"},
			lasts: time.Hour, crowds: crowd(4, 0.1, well), wrong: unreadable,
		},
		{
			name: "the sweeper cannot run while messages are lost", raises: []string{"SweeperStoppedAlarm", "OverdueAlarm"},
			also:  []string{"SweptUpAlarm", "EventsLateAlarm"}, // first attempts that take a detour are among them
			lasts: 75 * time.Minute, crowds: crowd(4, 0.1, failsNow(0.3)),
			plan:  func(p *plan) { p.lose = 0.5 },
			wrong: func(w *world) { w.sweeper.from, w.sweeper.to = when, 45*time.Minute },
		},
		{
			name: "the queue loses messages", raises: []string{"SweptUpAlarm"}, also: []string{"EventsLateAlarm"},
			lasts: 40 * time.Minute, crowds: crowd(20, 2, failsNow(0.3)),
			plan: func(p *plan) { p.lose = 0.5 },
		},
	}
}

func waitingDrills() []drill {
	outForADay := func(w *world) { w.dispatcher.from, w.dispatcher.to = when, 25*time.Hour }
	return []drill{
		{
			name: "the stream is out for a day", raises: []string{"StreamLateAlarm", "LostBatchAlarm"}, also: []string{"ThrottlesAlarm", "EventsLateAlarm"},
			lasts: 26 * time.Hour, crowds: crowd(2, 0.005, well), wrong: outForADay,
		},
		{
			name: "the stream is out for a day, and so is the bucket", raises: []string{"DroppedAlarm"},
			also:  []string{"StreamLateAlarm", "ThrottlesAlarm", "EventsLateAlarm"},
			lasts: 26 * time.Hour, crowds: crowd(2, 0.005, well), wrong: outForADay,
			plan: func(p *plan) { p.noDestination = true },
		},
		{
			name: "the verification systems write nonsense", raises: []string{"ParkedManyAlarm", "ParkedAlarm"},
			lasts: 30 * time.Minute, crowds: crowd(2, 0.05, well),
			wrong: func(w *world) {
				w.s.sleep(when)
				for n := range 120 {
					w.spoil(&verification{id: fmt.Sprintf("bad-%d", n), partner: memberID(0, 0)})
				}
			},
		},
		{
			name: "a template that fails", raises: []string{"UndeliverableAlarm"},
			lasts: 30 * time.Minute, crowds: crowd(1, 0.05, well),
			wrong: func(w *world) {
				p, h := w.firstHook()
				w.patch(p, h, map[string]any{"payloadTemplate": map[string]any{"x": "{{ lower(data.sessionId) }}"}})
			},
		},
		{
			name: "nobody comes back", raises: []string{"ExpiredAlarm"},
			lasts: 2 * time.Hour, crowds: crowd(1, 0.02, well),
			plan: func(p *plan) { p.holdTime = time.Hour },
			wrong: func(w *world) {
				p, h := w.firstHook()
				w.api(p, "POST", "/v1/webhooks/"+h.id+"/deactivate", nil)
			},
		},
		{
			name: "a drain that never ends", raises: []string{"StoppedByLimitAlarm"},
			lasts: 40 * time.Minute, crowds: crowd(1, 0.02, until(20*time.Minute, well, failsNow(1))),
			wrong: drainWithoutEnd,
		},
	}
}

func failingDrills() []drill {
	refused := []string{
		"StreamLateAlarm", "EventsLateAlarm", "OverdueAlarm", "SweptUpAlarm", "SweeperStoppedAlarm", "ThrottlesAlarm", "ParkedAlarm", "FunctionErrorsAlarm",
		"QueueLateAlarm", "UndeliverableAlarm",
	}
	return []drill{
		{
			name: "nothing leaves", raises: []string{"EgressAlarm"},
			lasts: 30 * time.Minute, crowds: crowd(30, 1, until(when, well, answering(500, time.Second))),
		},
		{
			name: "DynamoDB refuses", raises: []string{"ApiErrorsAlarm", "FaultsAlarm", "TablesThrottledAlarm"}, also: refused,
			lasts: time.Hour, crowds: crowd(10, 1, failsNow(0.05)),
			wrong: func(w *world) {
				w.outages = append(w.outages, outage{service: dynamo, from: when, to: 40 * time.Minute, p: 0.9})
				for range 300 {
					w.s.sleep(10 * time.Second)
					w.api(w.partners[memberID(0, 0)], "GET", "/v1/webhooks", nil)
				}
			},
		},
		{
			// The sweeper sweeps, and nobody is to be called for it.
			name: "the event bus is down", raises: []string{"FaultsAlarm"},
			lasts: 80 * time.Minute,
			// Few at a time: that is no fault of ours.
			crowds: slices.Concat(
				crowd(4, 0.2, until(when, well, down)), crowd(4, 0.2, until(when+6*time.Minute, well, down)), crowd(4, 0.2, until(when+12*time.Minute, well, down)),
			),
			wrong: func(w *world) {
				w.outages = append(w.outages, outage{service: bus, from: when, to: 70 * time.Minute, p: 1})
			},
		},
		{
			name: "functions crash", raises: []string{"FunctionErrorsAlarm"}, also: []string{"SweptUpAlarm", "ParkedAlarm"},
			lasts: 30 * time.Minute, crowds: crowd(4, 0.2, well),
			plan: func(p *plan) { p.crash = 0.002 },
		},
		{
			name: "a loop is not allowed", raises: []string{"RecursionAlarm"}, also: []string{"SweptUpAlarm", "DeadLettersAlarm", "QueueLateAlarm"},
			lasts: time.Hour, crowds: crowd(1, 0.05, failsNow(0.5)),
			plan: func(p *plan) { p.endLoops = true },
			wrong: func(w *world) {
				p, h := w.firstHook()
				w.api(p, "POST", "/v1/webhooks/"+h.id+"/deactivate", nil)
				w.s.sleep(20 * time.Minute)
				for range 30 {
					w.deliver(p, h)
					w.s.sleep(time.Minute)
				}
			},
		},
	}
}

func fullDrills() []drill {
	return []drill{
		{
			name: "the account is full", raises: []string{"ConcurrencyAlarm", "ThrottlesAlarm"},
			also:  []string{"StreamLateAlarm", "EventsLateAlarm", "QueueLateAlarm", "SweeperStoppedAlarm", "SweptUpAlarm", "ApiErrorsAlarm", "DeadLettersAlarm"},
			lasts: 40 * time.Minute, crowds: crowd(10, 2, answering(200, 9*time.Second)),
			plan: func(p *plan) { p.lambda.others = 998 },
		},
		{
			name: "too many requests", raises: []string{"ApiThrottledAlarm"}, also: []string{"ConcurrencyAlarm"},
			lasts: 30 * time.Minute, crowds: crowd(1, 0.02, well),
			plan: func(p *plan) { p.lambda.account = 5000 },
			wrong: func(w *world) {
				for range 4 {
					w.s.sleep(period)
					for range apiBurst + 200 {
						w.actor0("flood", func() { w.api(w.partners[memberID(0, 0)], "GET", "/v1/nothing", nil) })
					}
				}
			},
		},
	}
}

// drainWithoutEnd has a drain find itself at its last step: 100,000 would take long even here.
func drainWithoutEnd(w *world) {
	p, h := w.firstHook()
	w.api(p, "POST", "/v1/webhooks/"+h.id+"/deactivate", nil)
	w.s.sleep(20 * time.Minute)
	w.deliver(p, h)
	ref := webhook.JobRef{PartnerID: p.id, WebhookID: h.id, Kind: webhook.DrainJob}
	for {
		w.s.sleep(100 * time.Millisecond)
		j, err := w.store.Store.Job(context.Background(), ref)
		if err == nil && j.State == webhook.JobRunning && j.Step < webhook.MaxJobSteps {
			j.Step = webhook.MaxJobSteps
			_ = w.store.Commit(context.Background(), webhook.Change{Jobs: []*webhook.Job{&j}})
		}
	}
}

// unreadable has a delivery be overdue that the sweeper, who alone reads it, can't read.
func unreadable(w *world) {
	w.s.sleep(when)
	for _, s := range []*memory.Store{w.store.Store, w.store.index} {
		d := webhook.Delivery{
			PartnerID: memberID(0, 0), WebhookID: "whk_1", ID: "dlv_1", State: webhook.StatePending, DueAt: w.s.clock(),
			Event: webhook.Event{ID: "evt_1", VerificationID: "bad"},
		}
		if err := s.Commit(context.Background(), webhook.Change{Deliveries: []*webhook.Delivery{&d}}); err != nil {
			panic(err)
		}
	}
	w.store.Fail = func(op string) error {
		if by := w.s.cur.env; op != "Delivery" || by == nil || by.fn != w.sweeper {
			return nil
		}
		return webhook.Errorf(webhook.Corrupt, "an item has the unknown format 9")
	}
}

// calm are times in which nobody is to be called, and the tickets that are right.
func calm() []drill {
	dead := until(time.Hour, well, down)
	flapping := Endpoint{Class: "any", Answer: func(at time.Duration, r *rand.Rand) (int, time.Duration) {
		if at/(20*time.Minute)%3 == 2 {
			return 503, 20 * time.Millisecond
		}
		return failsNow(0.02).Answer(at, r)
	}}
	return []drill{
		{name: "nothing happens", lasts: 3 * time.Hour},
		{
			name: "an ordinary day", lasts: 8 * time.Hour, raises: []string{"ParkedAlarm"},
			crowds: []Crowd{
				{Partners: 12, PerSecond: 0.2, Endpoints: []Endpoint{well, failsNow(0.02)}},
				{Partners: 3, PerSecond: 0.05, Endpoints: []Endpoint{flapping}, AutoReactivate: 1, Returns: time.Hour},
				{Partners: 1, PerSecond: 0.05, Endpoints: []Endpoint{answering(200, 9*time.Second)}},
				{Partners: 1, PerSecond: 0.05, Endpoints: []Endpoint{dead}},
			},
			wrong: func(w *world) {
				w.s.sleep(3 * time.Hour)
				w.spoil(&verification{id: "bad", partner: memberID(0, 0)})
			},
		},
		{
			name: "the busiest partner dies", lasts: 2 * time.Hour,
			crowds: []Crowd{
				{Partners: 10, PerSecond: 0.1, Endpoints: []Endpoint{well}},
				// Its owner does not understand, and activates it once a minute.
				{Partners: 1, PerSecond: 0.3, Endpoints: []Endpoint{dead}, Returns: 70 * time.Minute},
			},
		},
	}
}

func names(on map[string][]int) []string { return slices.Sorted(maps.Keys(on)) }

// TestGameDay plays each drill and evaluates the stack's alarms on what CloudWatch would have of it.
func TestGameDay(t *testing.T) {
	t.Setenv("DEPLOYMENT", label)
	alarms, r := readAlarms(t), NewRunner()
	provoked := map[string][]string{}
	for _, d := range drills() {
		for _, id := range d.raises {
			provoked[id] = append(provoked[id], d.name)
		}
		t.Run(d.name, func(t *testing.T) {
			on := r.drill(d).ring(t, alarms)
			for _, id := range d.raises {
				if on[id] == nil {
					t.Errorf("%s did not ring; these did: %v", id, names(on))
				}
				delete(on, id)
			}
			for id := range on {
				if !slices.Contains(d.also, id) {
					t.Errorf("%s rang too: %v", id, on[id])
				}
			}
		})
	}
	text, err := os.ReadFile("../../infra/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	for id := range alarms {
		if provoked[id] == nil {
			t.Errorf("no drill provokes %s", id)
		}
		_, entry, _ := strings.Cut(string(text), "\n### "+id+"\n")
		_, says, _ := strings.Cut(entry, "**Game day.**")
		if m := regexp.MustCompile(`^ "([^"]+)"`).FindStringSubmatch(says); m == nil || !slices.Contains(provoked[id], m[1]) {
			t.Errorf("the runbook's entry of %s names %q, want one of %q", id, m, provoked[id])
		}
	}
}

// TestNobodyIsCalled: in an ordinary time no alarm rings but those that are right, and a stack in which nothing happens
// writes no metrics of its own.
func TestNobodyIsCalled(t *testing.T) {
	t.Setenv("DEPLOYMENT", label)
	alarms, r := readAlarms(t), NewRunner()
	for _, d := range calm() {
		t.Run(d.name, func(t *testing.T) {
			m := r.drill(d)
			if on := m.ring(t, alarms); !slices.Equal(names(on), d.raises) {
				t.Errorf("rang: %v; want %v", on, d.raises)
			}
			own := 0
			for key := range m.series {
				if strings.HasPrefix(key, "VerificationWebhooks ") {
					own++
				}
			}
			if idle := len(d.crowds) == 0; idle != (own == 0) {
				t.Errorf("%d own metrics were written", own)
			}
		})
	}
}

// ring returns the alarms that were on, with the periods.
func (m *meter) ring(t *testing.T, alarms map[string]alarm) map[string][]int {
	t.Helper()
	on := map[string][]int{}
	for id, a := range alarms {
		periods, err := m.raised(a)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if periods != nil {
			on[id] = periods
		}
	}
	return on
}
