package infra

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// The statistics that are used: the sum of what is counted, the maximum of what is measured, how often something was told.
const (
	sum     = "Sum"
	maximum = "Maximum"
	told    = "SampleCount"
)

// metricPeriod is that of all metrics: five minutes, so that alarms look at no more than they must.
func metricPeriod() awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(5)) }

// own is a metric that the functions write themselves (shared/env): the sum, or the maximum of what is in seconds.
func (k *VerificationWebhooks) own(name string) awscloudwatch.IMetric {
	statistic := sum
	if slices.Contains(env.MetricsInSeconds, name) {
		statistic = maximum
	}
	return metric(env.MetricNamespace, name, statistic, map[string]string{env.DeploymentDimension: k.label})
}

// byCause are an own metric's graphs, one for each cause that there was.
func (k *VerificationWebhooks) byCause(name string) awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String("SEARCH('{" + env.MetricNamespace + "," + env.DeploymentDimension + "," + env.CauseDimension + "} MetricName=\"" +
			name + "\" " + env.DeploymentDimension + "=\"" + k.label + "\"', '" + sum + "', 300)"),
		Label: jsii.String(""), UsingMetrics: &map[string]awscloudwatch.IMetric{}, Period: metricPeriod(),
	})
}

// apiThrottled counts the requests that API Gateway refused because the whole API had too many. It has no metric of its
// own: the access log tells (addThrottledFilter).
const apiThrottled = "ApiThrottled"

func (k *VerificationWebhooks) ofFunction(function, name, statistic string) awscloudwatch.IMetric {
	return metric("AWS/Lambda", name, statistic, map[string]string{"FunctionName": *k.functions[function].FunctionName()})
}

func (k *VerificationWebhooks) ofStream(name, statistic string) awscloudwatch.IMetric {
	return metric("AWS/Lambda", name, statistic, map[string]string{"EventSourceMappingUUID": *k.stream.EventSourceMappingId()})
}

// concurrency is the account's: all functions of the region share it.
func concurrency() awscloudwatch.IMetric {
	return metric("AWS/Lambda", "ConcurrentExecutions", maximum, nil)
}

func (k *VerificationWebhooks) ofAPI(name, statistic string) awscloudwatch.IMetric {
	return metric("AWS/ApiGateway", name, statistic, map[string]string{"ApiName": k.label})
}

func ofQueue(queue *string, name, statistic string) awscloudwatch.IMetric {
	return metric("AWS/SQS", name, statistic, map[string]string{"QueueName": *queue})
}

func ofTable(table *string, name string) awscloudwatch.IMetric {
	return metric("AWS/DynamoDB", name, sum, map[string]string{"TableName": *table})
}

func ofIndex(table *string, index, name string) awscloudwatch.IMetric {
	return metric("AWS/DynamoDB", name, sum, map[string]string{"TableName": *table, "GlobalSecondaryIndexName": index})
}

func metric(namespace, name, statistic string, dimensions map[string]string) awscloudwatch.IMetric {
	props := &awscloudwatch.MetricProps{
		Namespace: jsii.String(namespace), MetricName: jsii.String(name), Statistic: jsii.String(statistic), Period: metricPeriod(),
	}
	if dimensions != nil {
		of := map[string]*string{}
		for k, v := range dimensions {
			of[k] = jsii.String(v)
		}
		props.DimensionsMap = &of
	}
	return awscloudwatch.NewMetric(props)
}

// math is computed of metrics by the names that they have in the expression.
func math(label, expression string, of map[string]awscloudwatch.IMetric) awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String(expression), UsingMetrics: &of, Period: metricPeriod(), Label: jsii.String(label),
	})
}

// total is the sum of some metrics, each of which may have no data.
func total(label string, of map[string]awscloudwatch.IMetric) awscloudwatch.IMetric {
	expression := ""
	for _, name := range sortedKeys(of) {
		if expression != "" {
			expression += " + "
		}
		expression += "FILL(" + name + ", 0)"
	}
	return math(label, expression, of)
}
