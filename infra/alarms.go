package infra

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// severity says who is to look, and when.
type severity string

const (
	page   severity = "page"   // somebody, now: partners notice already, or events are about to be lost
	ticket severity = "ticket" // somebody, in working hours: nothing is lost until then
)

// alarm is a question that is asked all the time. RUNBOOK.md has an entry for each, under its id, with the reason for its
// threshold.
type alarm struct {
	id       string
	severity severity
	says     string // what is the case, for the one who is told
	metric   awscloudwatch.IMetric
	// The metric is at or over atLeast, in each of so many periods in a row.
	atLeast float64
	periods float64
	// stopped turns it round: the metric is below 1, or there is none.
	stopped bool
}

func (k *VerificationWebhooks) alarms() []alarm {
	return slices.Concat(k.whetherLate(), k.whetherWaiting(), k.whetherFailing(), k.whetherFull())
}

// whetherLate asks whether anything is late.
func (k *VerificationWebhooks) whetherLate() []alarm {
	return []alarm{
		{id: "StreamLateAlarm", severity: page, atLeast: 15 * 60 * 1000, periods: 1, metric: k.ofFunction("dispatcher", "IteratorAge", maximum),
			says: "Events are late: the dispatcher is 15 minutes or more behind the stream of verifications, which keeps them for 24 hours."},
		// A mapping that reads tells how many records it found, 0 too; one that is disabled tells nothing.
		{id: "StreamStoppedAlarm", severity: page, stopped: true, periods: 3, metric: k.ofStream("PolledEventCount", told),
			says: "Nobody has read the stream of verifications for 15 minutes: its event source mapping is disabled, or may not. It keeps them for 24 hours."},
		{id: "EventsLateAlarm", severity: ticket, atLeast: 5 * 60, periods: 3, metric: k.own(env.EventAgeMetric),
			says: "Events have waited five minutes or more for their first attempt, in each of three five-minute periods."},
		// Delays count as age, and the longest is 15 minutes.
		{id: "QueueLateAlarm", severity: page, atLeast: 30 * 60, periods: 1, metric: ofQueue(k.queue.QueueName(), "ApproximateAgeOfOldestMessage", maximum),
			says: "Retries are late: a message has been on the delivery queue for half an hour or more."},
		{id: "OverdueAlarm", severity: ticket, atLeast: 15 * 60, periods: 1, metric: k.own(env.OldestOverdueMetric),
			says: "A delivery was 15 minutes or more past its due time when the sweeper found it."},
		{id: "StuckAlarm", severity: ticket, atLeast: 1, periods: 1, metric: k.own(env.StuckMetric),
			says: "A delivery or a job is overdue and cannot be read, or meets a bug: it goes nowhere until somebody looks."},
		// Retriers that die take up to 50 batches of 10 with them, once; what goes on for three periods is something else.
		{id: "SweptUpAlarm", severity: ticket, atLeast: 50, periods: 3, metric: k.own(env.OverdueMetric),
			says: "More than usual is swept up: 50 deliveries or more in each of three five-minute periods had lost their message."},
		{id: "SweeperStoppedAlarm", severity: page, stopped: true, periods: 3,
			metric: math("runs to the end", "runs - failed", map[string]awscloudwatch.IMetric{
				"runs": k.ofFunction("sweeper", "Invocations", sum), "failed": k.ofFunction("sweeper", "Errors", sum),
			}),
			says: "The sweeper has not run to its end for 15 minutes: whatever loses its message now stays undelivered."},
	}
}

// whetherWaiting asks whether something waits for an operator.
func (k *VerificationWebhooks) whetherWaiting() []alarm {
	return []alarm{
		{id: "LostBatchAlarm", severity: page, atLeast: 1, periods: 1, metric: k.ofStream("OnFailureDestinationDeliveredEventCount", sum),
			says: "Records became 23 hours old before they could be handled; Lambda saved them under aws/lambda/ in the bucket of parked records."},
		{id: "DroppedAlarm", severity: page, atLeast: 1, periods: 1, metric: k.ofStream("DroppedEventCount", sum),
			says: "Records became 23 hours old before they could be handled, and Lambda could not save them: only the verifications table knows them."},
		// A bad record is its writer's; so many at once are a release of ours or of theirs, and everything comes to a stop.
		{id: "ParkedManyAlarm", severity: page, atLeast: 100, periods: 1, metric: k.own(env.ParkedMetric),
			says: "100 records or more were parked within five minutes: their partners are told nothing of them."},
		{id: "ParkedAlarm", severity: ticket, atLeast: 1, periods: 1, metric: k.own(env.ParkedMetric),
			says: "Records or deliveries were parked: they go nowhere until somebody looks."},
		{id: "DeadLettersAlarm", severity: ticket, atLeast: 1, periods: 1,
			metric: ofQueue(k.deadLetters.QueueName(), "ApproximateNumberOfMessagesVisible", maximum),
			says:   "Messages of the delivery queue could not be handled in ten tries and lie in the dead-letter queue."},
		{id: "UndeliverableAlarm", severity: ticket, atLeast: 1, periods: 1, metric: k.own(env.UndeliverableMetric),
			says: "Deliveries became undeliverable: no body or no signature can be made for them."},
		{id: "ExpiredAlarm", severity: ticket, atLeast: 1, periods: 1, metric: k.own(env.ExpiredMetric),
			says: "Events expired that were held for an inactive webhook for the whole hold time."},
		{id: "StoppedByLimitAlarm", severity: ticket, atLeast: 1, periods: 1, metric: k.own(env.StoppedByLimitMetric),
			says: "A drain or a recovery took more steps than any may, and was ended before it was through."},
	}
}

// whetherFailing asks whether something of ours fails. A partner's endpoint that fails is nobody's concern here.
func (k *VerificationWebhooks) whetherFailing() []alarm {
	return []alarm{
		// One dead endpoint fails six times for each event, and is off after half a minute: it may well be most of the
		// attempts of five minutes. It switches off few webhooks. What is broken on our side switches off all that are busy.
		{id: "EgressAlarm", severity: page, atLeast: 50, periods: 1,
			metric: math("% failed", "IF(FILL(failed, 0) >= 50 AND FILL(off, 0) >= 5, 100 * FILL(failed, 0) / (FILL(failed, 0) + FILL(delivered, 0)), 0)",
				map[string]awscloudwatch.IMetric{
					"failed": k.own(env.FailedAttemptsMetric), "delivered": k.own(env.DeliveredMetric), "off": k.own(env.SwitchedOffMetric),
				}),
			says: "Half of all attempts or more fail, at many partners at once: what leaves us is broken, and webhooks are being switched off."},
		// On a quiet night one request that fails again and again is all of them.
		{id: "ApiErrorsAlarm", severity: page, atLeast: 5, periods: 3,
			metric: math("% faults", "IF(FILL(faults, 0) >= 5, 100 * FILL(faults, 0) / requests, 0)", map[string]awscloudwatch.IMetric{
				"faults": k.ofAPI("5XXError", sum), "requests": k.ofAPI("Count", sum),
			}),
			says: "The API answers 5 % of the requests or more with a fault of ours, five of them or more, for a quarter of an hour now."},
		// A single fault is tried again within seconds.
		{id: "FaultsAlarm", severity: ticket, atLeast: 50, periods: 3, metric: k.own(env.FaultsMetric),
			says: "Faults of ours put off 50 messages, records or steps or more in each of three five-minute periods."},
		{id: "FunctionErrorsAlarm", severity: ticket, atLeast: 1, periods: 1, metric: total("errors", k.ofAll("Errors")),
			says: "An invocation failed as a whole: a function crashed, ran out of time, or could not begin."},
		{id: "RecursionAlarm", severity: page, atLeast: 1, periods: 1, metric: k.ofFunction("retrier", "RecursiveInvocationsDropped", sum),
			says: "Lambda takes the retrier's messages for a loop and drops them: retries and drains stop."},
	}
}

// whetherFull asks whether a limit is reached.
func (k *VerificationWebhooks) whetherFull() []alarm {
	return []alarm{
		// Lambda's pollers meet a throttle or two whenever they grow.
		{id: "ThrottlesAlarm", severity: ticket, atLeast: 10, periods: 3, metric: total("throttles", k.ofAll("Throttles")),
			says: "Lambda refuses invocations: ten or more in each of three five-minute periods."},
		{id: "ConcurrencyAlarm", severity: ticket, atLeast: 0.8 * float64(k.props.AccountConcurrency), periods: 3, metric: concurrency(),
			says: "The account uses four fifths or more of its concurrency of Lambda in this region, for a quarter of an hour now."},
		{id: "TablesThrottledAlarm", severity: ticket, atLeast: 10, periods: 3, metric: total("throttled", k.tableThrottles()),
			says: "DynamoDB refuses reads or writes of the service or the deliveries table: ten or more in each of three five-minute periods."},
		{id: "ApiThrottledAlarm", severity: ticket, atLeast: 100, periods: 3,
			metric: metric(env.MetricNamespace, apiThrottled, sum, map[string]string{env.DeploymentDimension: k.label}),
			says:   "API Gateway answers 429 to 100 requests or more in each of three five-minute periods: the whole API has too many."},
	}
}

// ofAll is a metric of each function, by its name.
func (k *VerificationWebhooks) ofAll(name string) map[string]awscloudwatch.IMetric {
	all := map[string]awscloudwatch.IMetric{}
	for _, f := range functionNames {
		all[f] = k.ofFunction(f, name, sum)
	}
	return all
}

// tableThrottles are what the functions meet: an index that is full refuses its table's writes.
func (k *VerificationWebhooks) tableThrottles() map[string]awscloudwatch.IMetric {
	const read, write = "ReadThrottleEvents", "WriteThrottleEvents"
	all := map[string]awscloudwatch.IMetric{
		"serviceReads": ofTable(k.service.TableName(), read), "serviceWrites": ofTable(k.service.TableName(), write),
		"deliveriesReads": ofTable(k.deliveries.TableName(), read), "deliveriesWrites": ofTable(k.deliveries.TableName(), write),
	}
	for _, index := range []string{env.ByVerification, env.ByDue, env.ByHeld} {
		all[index] = ofIndex(k.deliveries.TableName(), index, write)
	}
	return all
}

// addAlarms watches what would break a promise of the product, and what an operator must know of.
func (k *VerificationWebhooks) addAlarms() {
	for _, a := range k.alarms() {
		// The emulator refuses alarms on more than one metric, and has none of what it does itself.
		if _, computed := a.metric.(awscloudwatch.MathExpression); k.props.local() && (computed || a.stopped) {
			continue
		}
		k.addAlarm(a)
	}
	if k.apiLogs != nil {
		k.addThrottledFilter()
	}
}

func (k *VerificationWebhooks) addAlarm(a alarm) {
	comparison, missing := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, awscloudwatch.TreatMissingData_NOT_BREACHING
	if a.stopped {
		a.atLeast = 1
		comparison, missing = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD, awscloudwatch.TreatMissingData_BREACHING
	}
	made := awscloudwatch.NewAlarm(k.Construct, jsii.String(a.id), &awscloudwatch.AlarmProps{
		Metric: a.metric, AlarmDescription: jsii.String(k.description(a)), ComparisonOperator: comparison,
		Threshold: jsii.Number(a.atLeast), EvaluationPeriods: jsii.Number(a.periods), TreatMissingData: missing,
	})
	if topic := k.topic(a.severity); topic != nil {
		action := awscloudwatchactions.NewSnsAction(topic)
		made.AddAlarmAction(action)
		// What opens an incident closes it as well.
		made.AddOkAction(action)
	}
	k.madeAlarms = append(k.madeAlarms, made)
}

// description is what whoever is called reads first.
func (k *VerificationWebhooks) description(a alarm) string {
	return a.says + " Severity: " + string(a.severity) + ". Runbook: " + k.props.RunbookURL + "#" + strings.ToLower(a.id)
}

// topic is nil if nobody is to be told.
func (k *VerificationWebhooks) topic(s severity) awssns.ITopic {
	if s == ticket && k.props.TicketTopic != nil {
		return k.props.TicketTopic
	}
	return k.props.AlarmTopic
}

// addThrottledFilter counts, in the access log, what API Gateway refused without asking a function.
func (k *VerificationWebhooks) addThrottledFilter() {
	awslogs.NewMetricFilter(k.apiLogs, jsii.String("Throttled"), &awslogs.MetricFilterProps{
		LogGroup:        k.apiLogs,
		FilterPattern:   awslogs.FilterPattern_StringValue(jsii.String("$.error"), jsii.String("="), jsii.String("THROTTLED")),
		MetricNamespace: jsii.String(env.MetricNamespace), MetricName: jsii.String(apiThrottled), MetricValue: jsii.String("1"),
		Dimensions: &map[string]*string{env.DeploymentDimension: jsii.String("$.deployment")},
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
