// Package stub stands in for DynamoDB, SQS, KMS, S3 and EventBridge on one http.Handler. It answers correctly, after a set
// latency, and counts calls and capacity units. README.md says what it leaves out.
package stub

import (
	"hash/crc32"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options set how the services behave.
type Options struct {
	// Latency is how long after its arrival a request is answered. It takes effect at its arrival.
	Latency time.Duration
}

// Services are the stand-ins of all services. They are safe for concurrent use.
type Services struct {
	latency atomic.Int64
	counter counter
	tokens  *knownTokens

	mu      sync.RWMutex // guards what follows, not what is in it
	base    string
	tables  map[string]*table
	queues  map[string]*queue
	keys    keys
	buckets buckets
}

// New returns services without tables and queues. Buckets and keys need not be made.
func New(o Options) *Services {
	s := &Services{tables: map[string]*table{}, queues: map[string]*queue{}, tokens: newTokens()}
	s.SetLatency(o.Latency)
	s.Reset()
	return s
}

// SetLatency sets Options.Latency for requests to come.
func (s *Services) SetLatency(d time.Duration) { s.latency.Store(int64(d)) }

// SetBase sets the address under which the services are reached, which URLs of queues begin with.
func (s *Services) SetBase(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base = strings.TrimSuffix(url, "/")
}

// Counts returns what was asked for since the last Reset.
func (s *Services) Counts() Counts { return s.counter.counts() }

// Reset sets all Counts to zero. What is stored stays.
func (s *Services) Reset() { s.counter.reset() }

// The key of both tables of the product.
const (
	partitionKey = "pk"
	sortKey      = "sk"
)

// CreateTable makes a table with the key pk and sk, two strings. One of that name is replaced.
func (s *Services) CreateTable(name string, indexes ...Index) {
	s.addTable(newTable(name, []keyAttribute{{partitionKey, "S"}, {sortKey, "S"}}, indexes))
}

// CreateSimpleTable makes a table whose key is one string.
func (s *Services) CreateSimpleTable(name, partition string) {
	s.addTable(newTable(name, []keyAttribute{{partition, "S"}}, nil))
}

func (s *Services) addTable(t *table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables[t.name] = t
}

func (s *Services) table(name string) (*table, *failure) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.tables[name]; t != nil {
		return t, nil
	}
	return nil, &failure{status: 400, kind: "ResourceNotFoundException", message: "Requested resource not found: table " + name}
}

// Item is an item in DynamoDB's JSON: {"pk":{"S":"a"},...}.
type Item []byte

// Load puts items into a table without counting them. It panics for what is no item of that table.
func (s *Services) Load(table string, items iter.Seq[Item]) {
	t, f := s.table(table)
	if f != nil {
		panic("stub: " + f.message)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for item := range items {
		rec, keys, f := t.record(string(item))
		if f != nil {
			panic("stub: " + f.message)
		}
		t.replace(t.lookup(rec.pk, rec.sk), rec, &keys)
	}
}

// Items iterates over the items of a table as they are now, in the order of their keys.
func (s *Services) Items(table string) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		t, f := s.table(table)
		if f != nil {
			panic("stub: " + f.message)
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		for p := (place{}); t.items.at(p) != nil; p = t.items.next(p) {
			if !yield(Item(t.items.at(p).rec.raw)) {
				return
			}
		}
	}
}

// handler answers one kind of request.
type handler struct {
	name string // as in Counts.Calls
	do   func(*Services, string) ([]byte, *failure)
}

var handlers = map[string]handler{
	"DynamoDB_20120810.GetItem":            {"DynamoDB.GetItem", (*Services).getItem},
	"DynamoDB_20120810.PutItem":            {"DynamoDB.PutItem", (*Services).putItem},
	"DynamoDB_20120810.UpdateItem":         {"DynamoDB.UpdateItem", (*Services).updateItem},
	"DynamoDB_20120810.DeleteItem":         {"DynamoDB.DeleteItem", (*Services).deleteItem},
	"DynamoDB_20120810.Query":              {"DynamoDB.Query", (*Services).query},
	"DynamoDB_20120810.Scan":               {"DynamoDB.Scan", (*Services).scan},
	"DynamoDB_20120810.BatchGetItem":       {"DynamoDB.BatchGetItem", (*Services).batchGetItem},
	"DynamoDB_20120810.BatchWriteItem":     {"DynamoDB.BatchWriteItem", (*Services).batchWriteItem},
	"DynamoDB_20120810.TransactWriteItems": {"DynamoDB.TransactWriteItems", (*Services).transactWriteItems},
	"DynamoDB_20120810.CreateTable":        {"DynamoDB.CreateTable", (*Services).createTable},
	"DynamoDB_20120810.DescribeTable":      {"DynamoDB.DescribeTable", (*Services).describeTable},
	"DynamoDB_20120810.DeleteTable":        {"DynamoDB.DeleteTable", (*Services).deleteTable},
	"AmazonSQS.SendMessage":                {"SQS.SendMessage", (*Services).sendMessage},
	"AmazonSQS.SendMessageBatch":           {"SQS.SendMessageBatch", (*Services).sendMessageBatch},
	"AmazonSQS.ReceiveMessage":             {"SQS.ReceiveMessage", (*Services).receiveMessage},
	"AmazonSQS.DeleteMessage":              {"SQS.DeleteMessage", (*Services).deleteMessage},
	"AmazonSQS.DeleteMessageBatch":         {"SQS.DeleteMessageBatch", (*Services).deleteMessageBatch},
	"AmazonSQS.GetQueueAttributes":         {"SQS.GetQueueAttributes", (*Services).getQueueAttributes},
	"AmazonSQS.CreateQueue":                {"SQS.CreateQueue", (*Services).createQueue},
	"AmazonSQS.DeleteQueue":                {"SQS.DeleteQueue", (*Services).deleteQueue},
	"TrentService.GenerateDataKey":         {"KMS.GenerateDataKey", (*Services).generateDataKey},
	"TrentService.Decrypt":                 {"KMS.Decrypt", (*Services).decrypt},
	"TrentService.CreateKey":               {"KMS.CreateKey", (*Services).createKey},
	"TrentService.ScheduleKeyDeletion":     {"KMS.ScheduleKeyDeletion", (*Services).scheduleKeyDeletion},
	"AWSEvents.PutEvents":                  {"EventBridge.PutEvents", (*Services).putEvents},
}

// Values of headers, shared by all answers.
var (
	json10 = []string{"application/x-amz-json-1.0"} // DynamoDB and SQS
	json11 = []string{"application/x-amz-json-1.1"}
)

// ServeHTTP implements http.Handler.
func (s *Services) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	arrival := time.Now()
	body, err := readAll(r)
	if err != nil {
		http.Error(w, "the body was cut", http.StatusBadRequest)
		return
	}
	target := r.Header["X-Amz-Target"]
	if len(target) == 0 {
		s.serveObjects(w, r, body, arrival)
		return
	}
	h, ok := handlers[target[0]]
	if !ok {
		h = handler{target[0], func(*Services, string) ([]byte, *failure) {
			return nil, &failure{status: 400, kind: "UnknownOperationException", message: "not known here: " + target[0]}
		}}
	}
	answer, f := h.do(s, body)
	status := http.StatusOK
	if f != nil {
		answer, status = f.json(), f.status
	}
	s.counter.call(h.name, len(body), len(answer))
	s.wait(r, arrival)
	header := w.Header()
	header["Content-Type"] = json11
	if strings.HasPrefix(h.name, "SQS.") {
		header["Content-Type"] = json10
	}
	if strings.HasPrefix(target[0], "DynamoDB_") {
		header["Content-Type"] = json10
		header["X-Amz-Crc32"] = []string{strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer)), 10)}
	}
	header["Content-Length"] = []string{strconv.Itoa(len(answer))}
	w.WriteHeader(status)
	_, _ = w.Write(answer) // a client that is gone has no use for it
}

// wait waits until the latency has passed or the client is gone.
func (s *Services) wait(r *http.Request, arrival time.Time) {
	d := time.Duration(s.latency.Load()) - time.Since(arrival)
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

func readAll(r *http.Request) (string, error) {
	if r.ContentLength < 0 {
		b, err := io.ReadAll(r.Body)
		return string(b), err
	}
	b := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, b)
	return string(b), err
}
