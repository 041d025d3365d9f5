package infra

import (
	"slices"
	"testing"
)

func TestAlarms(t *testing.T) {
	type alarm struct {
		Namespace, MetricName, Statistic, ComparisonOperator, TreatMissingData string
		Threshold, EvaluationPeriods, Period                                   int
		Dimensions                                                             []struct{ Name, Value string }
	}
	of := func(name, value string) []struct{ Name, Value string } {
		return []struct{ Name, Value string }{{name, value}}
	}
	over, quiet := "GreaterThanOrEqualToThreshold", "notBreaching"
	each(t, func(t *testing.T, stage string, tpl template) {
		want := map[string]alarm{
			"StreamLateAlarm":     {"AWS/Lambda", "IteratorAge", "Maximum", over, quiet, 900000, 1, 300, of("FunctionName", "Dispatcher")},
			"DeadLettersAlarm":    {"AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", over, quiet, 1, 1, 300, of("QueueName", "DeadLetters.QueueName")},
			"QueueLateAlarm":      {"AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", over, quiet, 1800, 1, 300, of("QueueName", "DeliveryQueue.QueueName")},
			"ParkedAlarm":         {"VerificationWebhooks", "Parked-Webhooks", "Sum", over, quiet, 1, 1, 300, nil},
			"UndeliverableAlarm":  {"VerificationWebhooks", "Undeliverable-Webhooks", "Sum", over, quiet, 1, 1, 300, nil},
			"ExpiredAlarm":        {"VerificationWebhooks", "Expired-Webhooks", "Sum", over, quiet, 1, 1, 300, nil},
			"StoppedByLimitAlarm": {"VerificationWebhooks", "StoppedByLimit-Webhooks", "Sum", over, quiet, 1, 1, 300, nil},
			"RecursionAlarm":      {"AWS/Lambda", "RecursiveInvocationsDropped", "Sum", over, quiet, 1, 1, 300, of("FunctionName", "Retrier")},
			"SweeperStoppedAlarm": {"AWS/Lambda", "Invocations", "Sum", "LessThanThreshold", "breaching", 1, 2, 300, of("FunctionName", "Sweeper")},
			"ApiErrorsAlarm":      {"AWS/ApiGateway", "5XXError", "Sum", over, quiet, 1, 3, 300, of("ApiName", "Webhooks")},
		}
		for _, m := range []string{"OnFailureDestinationDeliveredEventCount", "DroppedEventCount"} {
			want["Stream"+m+"Alarm"] = alarm{"AWS/Lambda", m, "Sum", over, quiet, 1, 1, 300, of("EventSourceMappingUUID", "VerificationsStream")}
		}
		for _, f := range functionNames {
			want[id(f)+"ErrorsAlarm"] = alarm{"AWS/Lambda", "Errors", "Sum", over, quiet, 1, 1, 300, of("FunctionName", id(f))}
		}
		got := map[string]alarm{}
		for _, id := range tpl.ofType("AWS::CloudWatch::Alarm") {
			var a alarm
			convert(tpl.get(t, id).Properties, &a)
			got[id] = a
			tpl.wantProperties(t, id, map[string]any{"AlarmActions": nil})
		}
		wantEqual(t, "alarms", got, want)
	})
}

func TestAlarmTopic(t *testing.T) {
	tpl := attached()
	for _, id := range tpl.ofType("AWS::CloudWatch::Alarm") {
		tpl.wantProperties(t, id, map[string]any{"AlarmActions": []any{"arn:aws:sns:eu-west-1:111122223333:alarms"}})
	}
}

// The alarms on what needs a look read the log lines of the functions that write them.
func TestCountedLogLines(t *testing.T) {
	each(t, func(t *testing.T, stage string, tpl template) {
		got := map[string][]string{}
		for _, id := range tpl.ofType("AWS::Logs::MetricFilter") {
			p := tpl.get(t, id).Properties
			pattern := p["FilterPattern"].(string)
			got[pattern] = append(got[pattern], p["LogGroupName"].(string))
			slices.Sort(got[pattern])
			name := map[string]string{
				`{ $.event = "record.parked" }`: "Parked-", `{ $.event = "delivery.undeliverable" }`: "Undeliverable-",
				`{ $.event = "delivery.expired" }`: "Expired-", `{ $.event = "job.stopped_by_limit" }`: "StoppedByLimit-",
			}[pattern]
			tpl.wantProperties(t, id, map[string]any{
				"MetricTransformations": []any{map[string]any{
					"MetricNamespace": "VerificationWebhooks", "MetricName": name + "Webhooks", "MetricValue": "1",
				}},
			})
		}
		groups := []string{"DispatcherLogs", "RetrierLogs"}
		wantEqual(t, "log groups", got, map[string][]string{
			`{ $.event = "record.parked" }`: groups, `{ $.event = "delivery.undeliverable" }`: groups,
			`{ $.event = "delivery.expired" }`: {"SweeperLogs"}, `{ $.event = "job.stopped_by_limit" }`: {"RetrierLogs"},
		})
	})
}
