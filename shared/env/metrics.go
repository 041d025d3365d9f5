package env

// MetricNamespace is the namespace of the functions' own metrics in CloudWatch. shared/lambdarun derives them from the
// log's events and writes them by the Embedded Metric Format; infra's alarms and dashboard read them. Only what is not
// zero is written, so that missing data means zero. What a killed invocation had counted is lost: metrics say how
// things go, states say how they are.
const MetricNamespace = "VerificationWebhooks"

// The dimensions. Each metric has [DeploymentDimension]; those in MetricsByCause have it by [DeploymentDimension,
// CauseDimension] as well.
const (
	DeploymentDimension = "Deployment" // the value of the function's variable Deployment
	CauseDimension      = "Cause"      // one of the causes that shared/webhook names, or OtherCause
)

// OtherCause is the cause of what has none of the known ones, so that there are never more of them.
const OtherCause = "other"

// The metrics. They are counts without a unit, of which the sum is meant, but for those said to be in seconds, of which
// the maximum is meant.
const (
	DeliveredMetric      = "Delivered"      // deliveries that an endpoint has accepted
	FailedAttemptsMetric = "FailedAttempts" // attempts that failed, by cause: the attempt's error code
	ParkedMetric         = "Parked"         // records and deliveries put aside into the bucket
	UndeliverableMetric  = "Undeliverable"  // deliveries ended because no body or signature can be made for them
	ExpiredMetric        = "Expired"        // deliveries held for longer than the hold time
	StoppedByLimitMetric = "StoppedByLimit" // jobs ended for having taken more steps than any may
	OverdueMetric        = "Overdue"        // deliveries that the sweeper found late, their message being lost
	SwitchedOffMetric    = "SwitchedOff"    // webhooks that their health has switched off
	InterruptedMetric    = "Interrupted"    // attempts whose result was not stored, so that they are made again
	HeldMetric           = "Held"           // deliveries newly held for an inactive webhook
	FaultsMetric         = "Faults"         // what met a fault of ours, by cause: our error code
	EventAgeMetric       = "EventAge"       // seconds: from an event's record to its first attempt, but for what was held or waits for a slow endpoint
	StuckMetric          = "Stuck"          // overdue deliveries and jobs that cannot be read, or that meet a bug: how often they were looked at
	OldestOverdueMetric  = "OldestOverdue"  // seconds: how long the oldest overdue delivery was past its due time
)

// Metrics are all of them.
var Metrics = []string{
	DeliveredMetric, FailedAttemptsMetric, ParkedMetric, UndeliverableMetric, ExpiredMetric, StoppedByLimitMetric, OverdueMetric,
	SwitchedOffMetric, InterruptedMetric, HeldMetric, FaultsMetric, StuckMetric, EventAgeMetric, OldestOverdueMetric,
}

// MetricsByCause are the metrics that have a cause.
var MetricsByCause = []string{FailedAttemptsMetric, FaultsMetric}

// MetricsInSeconds are the metrics that are no counts: their unit is Seconds.
var MetricsInSeconds = []string{EventAgeMetric, OldestOverdueMetric}
