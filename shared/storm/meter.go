package storm

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// meter keeps what CloudWatch would have of a simulation: the functions' own metrics, out of the lines that they log, and
// AWS's, of what the models do. Metrics and dimensions are named as in infra/testdata/alarms.json. A nil meter keeps
// nothing.
type meter struct {
	w      *world
	series map[string]map[int]*point
	// messages are those of the delivery queue.
	messages []*message
	// bucket is how many requests the API takes at once, at is when that was so.
	bucket float64
	at     time.Duration
}

// period is that of the alarms.
const period = 5 * time.Minute

// point is a metric in a period.
type point struct {
	sum, most float64
	n         int
}

// The API's limits, as infra (withDefaults) sets them.
const (
	apiRate  = 1000
	apiBurst = 2000
)

// measure has the world's figures kept from now on.
func (w *world) measure() {
	w.meter = &meter{w: w, series: map[string]map[int]*point{}, bucket: apiBurst}
	w.s.after(time.Minute, w.meter.everyMinute)
}

func seriesKey(namespace, name string, dimensions map[string]string) string {
	var of []string
	for k, v := range dimensions {
		of = append(of, k+"="+v)
	}
	slices.Sort(of)
	return namespace + " " + name + " " + strings.Join(of, ",")
}

func (m *meter) add(value float64, namespace, name string, dimension ...string) {
	if m == nil {
		return
	}
	of := map[string]string{}
	for i := 0; i+1 < len(dimension); i += 2 {
		of[dimension[i]] = dimension[i+1]
	}
	key, at := seriesKey(namespace, name, of), int(m.w.s.now/period)
	if m.series[key] == nil {
		m.series[key] = map[int]*point{}
	}
	p := m.series[key][at]
	if p == nil {
		p = &point{most: value}
		m.series[key][at] = p
	}
	p.sum, p.most, p.n = p.sum+value, max(p.most, value), p.n+1
}

func (m *meter) ofFunction(fn *function, name string, value float64) {
	m.add(value, "AWS/Lambda", name, "FunctionName", strings.ToUpper(fn.name[:1])+fn.name[1:])
}

func (m *meter) throttled(fn *function) { m.ofFunction(fn, "Throttles", 1) }

func (m *meter) invoked(fn *function) {
	if m == nil {
		return
	}
	m.ofFunction(fn, "Invocations", 1)
	m.ofFunction(fn, "Throttles", 0)
	m.add(float64(m.w.running()), "AWS/Lambda", "ConcurrentExecutions")
}

func (m *meter) ended(fn *function, failed bool) {
	value := 0.0
	if failed {
		value = 1
	}
	m.ofFunction(fn, "Errors", value)
}

// behind notes how old a batch's last record is.
func (m *meter) behind(age time.Duration) {
	m.add(float64(age.Milliseconds()), "AWS/Lambda", "IteratorAge", "FunctionName", "Dispatcher")
}

// lost notes records that left the stream.
func (m *meter) lost(records int, dropped bool) {
	name := "OnFailureDestinationDeliveredEventCount"
	if dropped {
		name = "DroppedEventCount"
	}
	m.add(float64(records), "AWS/Lambda", name, "EventSourceMappingUUID", "VerificationsStream")
}

// sent notes a message of the delivery queue.
func (m *meter) sent(x *message) {
	if m != nil {
		m.messages = append(m.messages, x)
	}
}

// looped notes a message that Lambda drops.
func (m *meter) looped() {
	m.add(1, "AWS/Lambda", "RecursiveInvocationsDropped", "FunctionName", "Retrier")
}

// refused notes a call that DynamoDB refuses. Which table it is for is not modelled.
func (m *meter) refused(read bool) {
	table, name := "Deliveries", "WriteThrottleEvents"
	if read {
		table, name = "Service", "ReadThrottleEvents"
	}
	m.add(1, "AWS/DynamoDB", name, "TableName", table)
}

// answered notes an API request's answer; nil is that of API Gateway when the function gave none.
func (m *meter) answered(r *recorder) {
	fault := 0.0
	if r == nil || r.status >= 500 {
		fault = 1
	}
	m.add(1, "AWS/ApiGateway", "Count", "ApiName", label)
	m.add(fault, "AWS/ApiGateway", "5XXError", "ApiName", label)
}

// admits tells whether API Gateway lets a request through to a function: its bucket has a token. The line of its access
// log that says otherwise is what the stack's filter counts.
func (m *meter) admits() bool {
	if m == nil {
		return true
	}
	m.bucket = min(apiBurst, m.bucket+apiRate*(m.w.s.now-m.at).Seconds())
	m.at = m.w.s.now
	if m.bucket < 1 {
		m.add(1, "VerificationWebhooks", "ApiThrottled", "Deployment", label)
		return false
	}
	m.bucket--
	return true
}

// everyMinute notes what SQS tells of its queues, and that the stream is read: a mapping tells so if there is nothing, too.
func (m *meter) everyMinute() {
	q := m.w.queue
	oldest := time.Duration(0)
	m.messages = slices.DeleteFunc(m.messages, func(x *message) bool { return x.gone })
	for _, x := range m.messages {
		oldest = max(oldest, m.w.s.now-x.sent)
	}
	m.add(oldest.Seconds(), "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "DeliveryQueue.QueueName")
	m.add(float64(len(q.dead)), "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "DeadLetters.QueueName")
	if !m.w.stream.disabled() {
		m.add(0, "AWS/Lambda", "PolledEventCount", "EventSourceMappingUUID", "VerificationsStream")
	}
	m.w.s.after(time.Minute, m.everyMinute)
}

// label is the copy's.
const label = "Webhooks"

// read takes the metrics out of a line of the log, as CloudWatch does (Embedded Metric Format).
func (m *meter) read(line []byte) {
	if m == nil || !bytes.Contains(line, []byte(`"_aws"`)) {
		return
	}
	for _, x := range emitted(line) {
		of := make([]string, 0, 2*len(x.dimensions))
		for k, v := range x.dimensions {
			of = append(of, k, v)
		}
		m.add(x.value, x.namespace, x.name, of...)
	}
}

// emission is a value that a line of the log holds.
type emission struct {
	namespace, name string
	dimensions      map[string]string
	value           float64
}

// emitted reads a line that is in the Embedded Metric Format.
func emitted(line []byte) (all []emission) {
	var in struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	var members map[string]any
	if json.Unmarshal(line, &in) != nil || json.Unmarshal(line, &members) != nil {
		return nil
	}
	for _, d := range in.AWS.CloudWatchMetrics {
		for _, set := range d.Dimensions {
			of := map[string]string{}
			for _, k := range set {
				of[k], _ = members[k].(string)
			}
			for _, x := range d.Metrics {
				if v, ok := members[x.Name].(float64); ok {
					all = append(all, emission{d.Namespace, x.Name, of, v})
				}
			}
		}
	}
	return all
}
