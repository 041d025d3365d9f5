package infra

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

type metrics = []awscloudwatch.IMetric

// addDashboard shows, from the top, what somebody asks who was called: is it late, what fails and why, does anything wait
// for me, is a limit reached, how is the portal.
func (k *VerificationWebhooks) addDashboard() {
	queue, dead := k.queue.QueueName(), k.deadLetters.QueueName()
	service, deliveries := k.service.TableName(), k.deliveries.TableName()
	alarms := make([]interfacesawscloudwatch.IAlarmRef, len(k.madeAlarms))
	for i, a := range k.madeAlarms {
		alarms[i] = a
	}
	rows := [][]awscloudwatch.IWidget{
		{awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
			Title: jsii.String("Alarms: " + k.props.RunbookURL), Alarms: &alarms, Width: jsii.Number(24), Height: jsii.Number(4),
		})},
		heading("Is it late?"),
		{
			graph("Readings of the stream", 4, k.ofStream("PolledEventCount", told)),
			graph("Behind the stream (ms)", 5, k.ofFunction("dispatcher", "IteratorAge", maximum)),
			graph("From a record to its first attempt (s)", 5, k.own(env.EventAgeMetric)),
			graph("Oldest message of the queue (s)", 5, ofQueue(queue, "ApproximateAgeOfOldestMessage", maximum)),
			graph("Most overdue (s), and how many were swept up", 5, k.own(env.OldestOverdueMetric), k.own(env.OverdueMetric), k.own(env.StuckMetric)),
		},
		heading("What fails, and why?"),
		{
			graph("Delivered, and attempts that failed", 6, k.own(env.DeliveredMetric), k.own(env.FailedAttemptsMetric), k.own(env.SwitchedOffMetric)),
			graph("The endpoints': failed attempts by cause", 6, k.byCause(env.FailedAttemptsMetric)),
			graph("Ours: faults by cause", 6, k.own(env.FaultsMetric), k.byCause(env.FaultsMetric), k.own(env.InterruptedMetric)),
			graph("Ours: failed invocations", 6, k.inOrder("Errors")...),
		},
		heading("Does anything wait for an operator?"),
		{
			graph("Parked, undeliverable, expired, stopped by limit", 8, k.own(env.ParkedMetric), k.own(env.UndeliverableMetric),
				k.own(env.ExpiredMetric), k.own(env.StoppedByLimitMetric)),
			graph("Dead letters; records that left the stream", 8, ofQueue(dead, "ApproximateNumberOfMessagesVisible", maximum),
				k.ofStream("OnFailureDestinationDeliveredEventCount", sum), k.ofStream("DroppedEventCount", sum)),
			graph("Newly held for inactive webhooks", 8, k.own(env.HeldMetric)),
		},
		heading("Is a limit reached?"),
		{
			graph("Concurrency: the account's, and each function's", 6, append(metrics{concurrency()}, k.inOrder("ConcurrentExecutions")...)...),
			graph("Throttled invocations, and messages dropped as a loop", 6,
				append(k.inOrder("Throttles"), k.ofFunction("retrier", "RecursiveInvocationsDropped", sum))...),
			graph("Messages: waiting, delayed, in flight", 6, ofQueue(queue, "ApproximateNumberOfMessagesVisible", maximum),
				ofQueue(queue, "ApproximateNumberOfMessagesDelayed", maximum), ofQueue(queue, "ApproximateNumberOfMessagesNotVisible", maximum)),
			graph("The sweeper's runs", 6, k.ofFunction("sweeper", "Invocations", sum), k.ofFunction("sweeper", "Errors", sum)),
		},
		{
			graph("Capacity units", 12, ofTable(service, "ConsumedReadCapacityUnits"), ofTable(service, "ConsumedWriteCapacityUnits"),
				ofTable(deliveries, "ConsumedReadCapacityUnits"), ofTable(deliveries, "ConsumedWriteCapacityUnits")),
			graph("Throttled by DynamoDB", 12, inOrder(k.tableThrottles())...),
		},
		heading("How is the portal?"),
		{
			graph("Requests", 6, k.ofAPI("Count", sum), k.ofAPI("4XXError", sum), k.ofAPI("5XXError", sum)),
			graph("Faults of ours (share of the requests)", 6, k.ofAPI("5XXError", "Average")),
			graph("Refused by the gateway (429)", 6, metric(env.MetricNamespace, apiThrottled, sum, map[string]string{env.DeploymentDimension: k.label})),
			graph("Milliseconds to answer", 6, k.ofAPI("Latency", "p50"), k.ofAPI("Latency", "p99")),
		},
	}
	widgets := make([]*[]awscloudwatch.IWidget, len(rows))
	for i := range rows {
		widgets[i] = &rows[i]
	}
	awscloudwatch.NewDashboard(k.Construct, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		Widgets: &widgets, DefaultInterval: awscdk.Duration_Hours(jsii.Number(3)),
	})
}

func heading(question string) []awscloudwatch.IWidget {
	return []awscloudwatch.IWidget{awscloudwatch.NewTextWidget(&awscloudwatch.TextWidgetProps{
		Markdown: jsii.String("## " + question), Width: jsii.Number(24), Height: jsii.Number(1),
		Background: awscloudwatch.TextWidgetBackground_TRANSPARENT,
	})}
}

// graph is width columns of 24 wide.
func graph(title string, width float64, of ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: jsii.String(title), Width: jsii.Number(width), Height: jsii.Number(6), Left: &of,
		LeftYAxis: &awscloudwatch.YAxisProps{Min: jsii.Number(0), ShowUnits: jsii.Bool(false)},
	})
}

// inOrder is a metric of each function.
func (k *VerificationWebhooks) inOrder(name string) metrics {
	statistic := sum
	if name == "ConcurrentExecutions" {
		statistic = maximum
	}
	var all metrics
	for _, f := range functionNames {
		all = append(all, k.ofFunction(f, name, statistic))
	}
	return all
}

func inOrder(of map[string]awscloudwatch.IMetric) metrics {
	var all metrics
	for _, name := range sortedKeys(of) {
		all = append(all, of[name])
	}
	return all
}
