package storm

import "time"

// plan is what a seed decides at the start: how big the world is, and how hostile.
type plan struct {
	// clean: no infrastructure fault happens; only endpoints fail.
	clean    bool
	partners int
	lanes    int
	batch    int
	// busy is how long the actors are at work; records is how many verifications they write at least.
	busy    time.Duration
	records int
	// holdTime is the product's.
	holdTime time.Duration

	fault [services]float64
	crash float64
	// latency is the most that half a call usually takes, slowest what a slow one does.
	latency, slowest time.Duration
	// indexLag is the most that an index is behind its table.
	indexLag time.Duration
	// Queue and stream: messages and records that come twice, answers of functions that get lost, throttled invocations.
	duplicate, answerLost, throttle float64
	queueJitter                     time.Duration
	concurrency                     int
	// badRecords is the share of records that can never become events.
	badRecords float64
	// editing is how often partners do something.
	editing time.Duration
	// streamOutage is how long the dispatcher can't run at all, 0 in most seeds.
	streamOutage time.Duration
	// dead is the share of endpoints that stay broken in the end.
	dead float64
	// cold is the most that a cold start takes.
	cold time.Duration
	// lambda has the functions' limits modelled as Lambda has them; nil bounds each function alone.
	lambda *lambdaRules
	// On a game day: the bucket does not take what leaves the stream, messages are lost (a share), and Lambda ends what it
	// takes for a loop.
	noDestination, endLoops bool
	lose                    float64
}

func (w *world) drawPlan() {
	r := w.rng
	p := &w.plan
	*p = plan{
		clean: r.IntN(6) == 0, partners: w.number(2, 4), lanes: w.number(1, 4), batch: w.number(1, 25),
		busy: w.between(40*time.Minute, 4*time.Hour), records: w.number(32, 48),
		holdTime: 7 * 24 * time.Hour, latency: w.between(time.Millisecond, 12*time.Millisecond), slowest: 3 * time.Second,
		indexLag: w.between(10*time.Millisecond, 500*time.Millisecond), queueJitter: w.between(50*time.Millisecond, 1500*time.Millisecond),
		concurrency: w.number(2, 10), badRecords: 0.05, cold: 800 * time.Millisecond, editing: w.between(3*time.Minute, 15*time.Minute), dead: 0.2,
	}
	if r.IntN(5) == 0 {
		p.holdTime = w.between(20*time.Minute, 60*time.Minute)
	}
	if p.clean {
		p.concurrency = 20
		return
	}
	if r.IntN(40) == 0 {
		p.streamOutage = w.between(23*time.Hour, 27*time.Hour)
	}
	scale := []float64{0.2, 1, 1, 3}[r.IntN(4)]
	for s := range p.fault {
		p.fault[s] = scale * 0.04 * r.Float64()
	}
	p.crash = scale * 0.006 * r.Float64()
	p.duplicate, p.answerLost, p.throttle = scale*0.05*r.Float64(), scale*0.03*r.Float64(), scale*0.05*r.Float64()
	if r.IntN(3) == 0 {
		p.indexLag = w.between(time.Second, 8*time.Second)
	}
	if r.IntN(4) == 0 {
		p.queueJitter = w.between(5*time.Second, 90*time.Second)
	}
	for range r.IntN(16) {
		o := outage{service: []service{dynamo, dynamo, sqsService, sqsService, s3, kms, bus}[r.IntN(7)], from: w.between(0, p.busy)}
		o.to, o.p = o.from+w.between(5*time.Second, 8*time.Minute), 0.2+0.8*r.Float64()
		if r.IntN(2) == 0 { // nothing works
			o.to, o.p = o.from+w.between(5*time.Second, 90*time.Second), 1
		}
		w.outages = append(w.outages, o)
	}
}
