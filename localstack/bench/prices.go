package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
)

// priceRegion is where and when the prices below are from.
const priceRegion = "us-east-1, list prices of November 2026"

// List prices in dollars, us-east-1, November 2026, without free tiers and discounts. Sources: the pricing pages of
// Amazon DynamoDB (on-demand, standard table class), AWS Lambda (Arm), Amazon SQS (standard), Amazon CloudWatch (logs,
// standard class), AWS KMS, Amazon S3 (standard), AWS X-Ray, Amazon EventBridge, Amazon API Gateway (REST) and Amazon EC2
// (data transfer, first 10 TB).
const (
	priceWrite       = 0.625 / 1e6     // write request unit
	priceRead        = 0.125 / 1e6     // read request unit
	priceGBSecond    = 0.0000133334    // Lambda, Arm, first tier
	priceInvocation  = 0.20 / 1e6      // Lambda request
	priceMessage     = 0.40 / 1e6      // SQS request of up to 64 KB
	priceLogGB       = 0.50            // ingested
	priceKey         = 0.03 / 10_000   // KMS request
	priceObject      = 0.005 / 1_000   // S3 PUT
	priceTrace       = 5.00 / 1e6      // X-Ray trace recorded
	priceEvent       = 1.00 / 1e6      // EventBridge custom event of up to 64 KB
	priceAPI         = 3.50 / 1e6      // API Gateway REST request, first tier
	priceStoredGB    = 0.25            // DynamoDB storage for a month
	priceOutGB       = 0.09            // data transfer out to the internet
	priceAlarm       = 0.10            // CloudWatch alarm on one metric, for a month
	priceDashboard   = 3.00            // CloudWatch dashboard of up to 50 metrics, for a month
	priceMetric      = 0.30            // CloudWatch custom metric, for a month, by the hour in which it has values
	priceMasterKey   = 1.00            // KMS key for a month
	cpuPerMB         = 1.0 / 1769      // Lambda gives a function one vCPU for 1,769 MB
	platformLogBytes = 90 + 60 + 280.0 // START, END and REPORT lines of an invocation
)

// Tracing is on ("Active"): X-Ray records the first request of each second and 5 % of the others. How many that is
// depends on how a million is spread over time: here over an hour.
const (
	traceShare   = 0.05
	traceSeconds = 3600.0
)

// usage is what some deliveries took.
type usage struct {
	Deliveries  float64
	Queued      float64 // of them, those that were not made at once
	Counts      stub.Counts
	Invocations float64
	Wall        time.Duration // sum of the invocations'
	CPU         time.Duration // of the process
	LogBytes    float64
	MemoryMB    float64
	// Over is how long the million is spread over, an hour if 0: tracing depends on it.
	Over time.Duration
}

// item is one line of a bill.
type item struct {
	What    string
	Dollars float64
}

// billed is how long Lambda bills: a function gets the share of a processor that its memory buys, so the CPU that it
// used here at full speed takes longer there, and is all added to the waiting.
func (u usage) billed() time.Duration {
	slower := 1/(u.MemoryMB*cpuPerMB) - 1
	return u.Wall + time.Duration(max(slower, 0)*float64(u.CPU))
}

// bill prices a million deliveries.
func (u usage) bill() []item {
	million := 1e6 / u.Deliveries
	var wcu, rcu float64
	for _, n := range u.Counts.WCU {
		wcu += n
	}
	for _, n := range u.Counts.RCU {
		rcu += n
	}
	invocations := u.Invocations * million
	seconds := traceSeconds
	if u.Over > 0 {
		seconds = u.Over.Seconds()
	}
	traces := min(invocations, seconds) + traceShare*max(0, invocations-seconds)
	logs := u.LogBytes*million + platformLogBytes*invocations
	calls := func(service string) (n float64) {
		for call, times := range u.Counts.Calls {
			if strings.HasPrefix(call, service+".") {
				n += float64(times)
			}
		}
		return n * million
	}
	return []item{
		{"writes", wcu * million * priceWrite},
		{"reads", rcu * million * priceRead},
		{"compute", u.billed().Seconds() * million * u.MemoryMB / 1024 * priceGBSecond},
		{"invocations", invocations * priceInvocation},
		{"logs", logs / 1e9 * priceLogGB},
		{"tracing", traces * priceTrace},
		{"queue", calls("SQS") * priceMessage},
		{"kms", calls("KMS") * priceKey},
		{"s3", calls("S3") * priceObject},
		{"events", calls("EventBridge") * priceEvent},
	}
}

func total(bill []item) (sum float64) {
	for _, i := range bill {
		sum += i.Dollars
	}
	return sum
}

// dollarsOf is one line of a bill.
func dollarsOf(bill []item, what string) float64 {
	for _, i := range bill {
		if i.What == what {
			return i.Dollars
		}
	}
	return 0
}

// listed is a bill as text.
func listed(bill []item) string {
	parts := make([]string, len(bill))
	for i, x := range bill {
		parts[i] = fmt.Sprintf("%s %.3f", x.What, x.Dollars)
	}
	return strings.Join(parts, ", ")
}

// Roughly what a delivery is in storage, its index included, and on the wire to the endpoint, headers and TLS included.
const (
	storedBytes = 1200.0
	wireBytes   = 1500.0
)

// beside tells what a million deliveries cost apart from operations.
func beside() string {
	return fmt.Sprintf("storage for the 30 days that a delivery is kept about %.2f, transfer to the internet about %.2f, the verifications table",
		1e6*storedBytes/1e9*priceStoredGB, 1e6*wireBytes/1e9*priceOutGB)
}
