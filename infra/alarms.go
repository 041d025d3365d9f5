package infra

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// metricNamespace is where the metrics stand that are read out of log lines.
const metricNamespace = "VerificationWebhooks"

// addAlarms watches what would break a promise of the product. An alarm speaks once its metric has been at or over the
// threshold for all of its five-minute periods.
func (k *VerificationWebhooks) addAlarms() {
	errorsOf := func(f string) awscloudwatch.IMetric { return k.functions[f].MetricErrors(over("Sum")) }
	dispatcher, retrier, sweeper := k.functions["dispatcher"], k.functions["retrier"], k.functions["sweeper"]

	// The stream keeps 24 hours.
	k.alarm("StreamLateAlarm", "The dispatcher is more than 15 minutes behind the verifications' stream: records are lost after 24 h",
		dispatcher.Metric(jsii.String("IteratorAge"), over("Maximum")), 15*60*1000, 1)
	k.alarm("DeadLettersAlarm", "Messages of the delivery queue could not be handled and lie in the dead-letter queue: `make dead-letters` puts them back",
		k.deadLetters.MetricApproximateNumberOfMessagesVisible(over("Maximum")), 1, 1)
	// Delays count as age, and the longest is 15 minutes.
	k.alarm("QueueLateAlarm", "The delivery queue is more than half an hour old: retries are late",
		k.queue.MetricApproximateAgeOfOldestMessage(over("Maximum")), 30*60, 1)
	for _, m := range []string{"OnFailureDestinationDeliveredEventCount", "DroppedEventCount"} {
		k.alarm("Stream"+m+"Alarm", "Records of verifications left the stream before they could be handled: what was saved of them lies under aws/lambda/ in the bucket of parked records (`make redrive`), `make reconcile` finds the rest",
			awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
				Namespace: jsii.String("AWS/Lambda"), MetricName: jsii.String(m), Statistic: jsii.String("Sum"),
				Period:        awscdk.Duration_Minutes(jsii.Number(5)),
				DimensionsMap: &map[string]*string{"EventSourceMappingUUID": k.stream.EventSourceMappingId()},
			}), 1, 1)
	}
	k.alarm("ParkedAlarm", "Records were parked: they made no event and need a look (`make redrive`)", k.counted("Parked", "record.parked", "dispatcher", "retrier"), 1, 1)
	k.alarm("UndeliverableAlarm", "Deliveries became undeliverable for a reason that is not the endpoint's: see the log lines of delivery.undeliverable",
		k.counted("Undeliverable", "delivery.undeliverable", "dispatcher", "retrier"), 1, 1)
	k.alarm("ExpiredAlarm", "Events were held for an inactive webhook for the whole hold time and have expired: see the log lines of delivery.expired; recover brings them back for 30 days",
		k.counted("Expired", "delivery.expired", "sweeper"), 1, 1)
	k.alarm("StoppedByLimitAlarm", "A drain or a recovery ran out of steps before it was through: see the log lines of job.stopped_by_limit",
		k.counted("StoppedByLimit", "job.stopped_by_limit", "retrier"), 1, 1)

	k.alarm("DispatcherErrorsAlarm", "The dispatcher failed", errorsOf("dispatcher"), 1, 1)
	k.alarm("RetrierErrorsAlarm", "The retrier failed", errorsOf("retrier"), 1, 1)
	k.alarm("SweeperErrorsAlarm", "The sweeper failed", errorsOf("sweeper"), 1, 1)
	k.alarm("PortalErrorsAlarm", "The portal function failed", errorsOf("portal"), 1, 1)
	k.alarm("AdminErrorsAlarm", "The admin function failed", errorsOf("admin"), 1, 1)
	k.alarm("ApiErrorsAlarm", "The API answered with 5xx for 15 minutes", k.api.MetricServerError(over("Sum")), 1, 3)
	k.alarm("RecursionAlarm", "Lambda dropped messages of the retrier as a loop",
		retrier.Metric(jsii.String("RecursiveInvocationsDropped"), over("Sum")), 1, 1)

	k.alarmOn("SweeperStoppedAlarm", &awscloudwatch.CreateAlarmOptions{
		AlarmDescription:   jsii.String("The sweeper has not run for 10 minutes"),
		ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD,
		Threshold:          jsii.Number(1), EvaluationPeriods: jsii.Number(2),
		TreatMissingData: awscloudwatch.TreatMissingData_BREACHING,
	}, sweeper.MetricInvocations(over("Sum")))
}

// counted is the number of log lines of some functions that tell of an event. A metric's name is the account's, so it
// has this copy's label in it.
func (k *VerificationWebhooks) counted(name, event string, functions ...string) awscloudwatch.IMetric {
	metric := jsii.String(name + "-" + k.label)
	for _, f := range functions {
		awslogs.NewMetricFilter(k.logGroups[f], jsii.String(name), &awslogs.MetricFilterProps{
			LogGroup:        k.logGroups[f],
			FilterPattern:   awslogs.FilterPattern_StringValue(jsii.String("$.event"), jsii.String("="), jsii.String(event)),
			MetricNamespace: jsii.String(metricNamespace),
			MetricName:      metric,
			MetricValue:     jsii.String("1"),
		})
	}
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(metricNamespace), MetricName: metric,
		Statistic: jsii.String("Sum"), Period: awscdk.Duration_Minutes(jsii.Number(5)),
	})
}

// alarm speaks when the metric has been at or over the threshold for that many periods.
func (k *VerificationWebhooks) alarm(id, description string, metric awscloudwatch.IMetric, threshold, periods float64) {
	k.alarmOn(id, &awscloudwatch.CreateAlarmOptions{
		AlarmDescription:   jsii.String(description),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		Threshold:          jsii.Number(threshold), EvaluationPeriods: jsii.Number(periods),
		TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
	}, metric)
}

func (k *VerificationWebhooks) alarmOn(id string, o *awscloudwatch.CreateAlarmOptions, metric awscloudwatch.IMetric) {
	a := awscloudwatch.NewAlarm(k.Construct, jsii.String(id), &awscloudwatch.AlarmProps{
		Metric: metric, AlarmDescription: o.AlarmDescription, ComparisonOperator: o.ComparisonOperator,
		Threshold: o.Threshold, EvaluationPeriods: o.EvaluationPeriods, TreatMissingData: o.TreatMissingData,
	})
	if k.props.AlarmTopic != nil {
		a.AddAlarmAction(awscloudwatchactions.NewSnsAction(k.props.AlarmTopic))
	}
}

func over(statistic string) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Statistic: jsii.String(statistic), Period: awscdk.Duration_Minutes(jsii.Number(5))}
}
