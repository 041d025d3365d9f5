package queue_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cr3dentials/verification-webhooks/shared/awscfg"
	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// fakeQueue is an SQS that stores messages and refuses some.
type fakeQueue struct {
	t *testing.T
	// stored counts copies by the number of the message, and batches holds what each request was to send.
	stored  map[int]int
	batches [][]int
	// refuse returns how a message of the n-th batch is refused, nil if it is not.
	refuse func(n, number int) *failure
	// stops is after how many messages it stops in the middle of the first batch.
	stops int
}

// failure is an entry of an answer's Failed.
type failure struct {
	ID          string `json:"Id"`
	Code        string
	SenderFault bool
}

// success is an entry of an answer's Successful.
type success struct {
	ID        string `json:"Id"`
	MessageID string `json:"MessageId"`
	MD5       string `json:"MD5OfMessageBody"`
}

type batchAnswer struct {
	Successful []success
	Failed     []failure
}

func (f *fakeQueue) act(action string, body []byte) storetest.Answer {
	var in struct{ Entries []entry }
	if err := json.Unmarshal(body, &in); err != nil || action != "SendMessageBatch" {
		f.t.Errorf("%s: %v", action, err)
	}
	batch := []int{}
	var out batchAnswer
	for i, e := range in.Entries {
		m, err := queue.Decode(e.MessageBody)
		if err != nil {
			f.t.Error(err)
		}
		batch = append(batch, m.Number)
		if f.stops > 0 && len(f.batches) == 0 && i >= f.stops {
			continue
		}
		if f.refuse != nil {
			if r := f.refuse(len(f.batches), m.Number); r != nil {
				r.ID = e.ID
				out.Failed = append(out.Failed, *r)
				continue
			}
		}
		f.stored[m.Number]++
		sum := md5.Sum([]byte(e.MessageBody))
		out.Successful = append(out.Successful, success{e.ID, "m", hex.EncodeToString(sum[:])})
	}
	f.batches = append(f.batches, batch)
	answer, _ := json.Marshal(out)
	return storetest.Answer{Status: 200, Body: string(answer), Header: map[string]string{"Content-Type": "application/x-amz-json-1.0"}}
}

// quick decides as the functions' retryer does, and pauses for a thousandth of the time.
type quick struct{ aws.RetryerV2 }

func (q quick) RetryDelay(attempt int, err error) (time.Duration, error) {
	d, err := q.RetryerV2.RetryDelay(attempt, err)
	return d / 1000, err
}

// functionsQueue is a queue at url that is reached as the functions do, with another time-out for one try.
func functionsQueue(t *testing.T, cfg aws.Config, url string, timeout time.Duration) *queue.Queue {
	t.Helper()
	client, ok := cfg.HTTPClient.(*awscfg.Client)
	if !ok {
		t.Fatalf("the HTTP client is a %T", cfg.HTTPClient)
	}
	retryer, ok := cfg.Retryer().(aws.RetryerV2)
	if !ok {
		t.Fatalf("the retryer is a %T", cfg.Retryer())
	}
	cfg.HTTPClient = client.WithTimeout(timeout)
	cfg.Retryer = func() aws.Retryer { return quick{retryer} }
	cfg.BaseEndpoint = aws.String(url)
	return queue.New(awscfg.SQS(cfg), url+"/1/q")
}

func functionsConfig(t *testing.T) aws.Config {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": "", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_SESSION_TOKEN": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	} {
		t.Setenv(name, value)
	}
	cfg, err := awscfg.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// instead makes another answer of a batch's.
func instead(change func(a *batchAnswer)) storetest.Lie {
	return storetest.Lie{Instead: func(a storetest.Answer) storetest.Answer {
		var b batchAnswer
		_ = json.Unmarshal([]byte(a.Body), &b)
		change(&b)
		body, _ := json.Marshal(b)
		a.Body = string(body)
		return a
	}}
}

func refused(code string) storetest.Lie {
	return storetest.Refuse(400, `{"__type":"com.amazonaws.sqs#`+code+`","message":"m"}`)
}

// refuse refuses messages of the batches before the n-th.
func refuse(n int, fault bool, numbers ...int) func(int, int) *failure {
	return func(batch, number int) *failure {
		if batch < n && slices.Contains(numbers, number) {
			return &failure{Code: "Refused", SenderFault: fault}
		}
		return nil
	}
}

// both asks one and then the other.
func both(f, g func(int, int) *failure) func(int, int) *failure {
	return func(batch, number int) *failure {
		if r := f(batch, number); r != nil {
			return r
		}
		return g(batch, number)
	}
}

func numbers(from, to int) []int {
	var ns []int
	for n := from; n <= to; n++ {
		ns = append(ns, n)
	}
	return ns
}

// copies says how often messages 1 to 10 are stored: n times but for those named.
func copies(n int, others map[int]int) map[int]int {
	stored := map[int]int{}
	for number := 1; number <= 10; number++ {
		if stored[number] = n; others != nil {
			if other, ok := others[number]; ok {
				stored[number] = other
			}
		}
	}
	maps.DeleteFunc(stored, func(_, n int) bool { return n == 0 })
	return stored
}

// TestLies sends ten messages while the queue and the network lie. Success means that each is stored at least once.
func TestLies(t *testing.T) {
	const forEver = 99
	lost, cut, late := storetest.LoseAnswer(), storetest.Lie{Arrives: storetest.Half}, storetest.Lie{Arrives: storetest.Late}
	all, half, last := numbers(1, 10), numbers(6, 10), []int{10}
	cfg := functionsConfig(t)
	for name, c := range map[string]struct {
		script []storetest.Lie
		refuse func(int, int) *failure
		stops  int
		want   webhook.Code
		// asked is the number of requests, batches what those held that reached the queue, stored the copies.
		asked   int
		batches [][]int
		stored  map[int]int
	}{
		"honest":            {nil, nil, 0, "", 1, [][]int{all}, copies(1, nil)},
		"answer lost":       {storetest.Times(1, lost), nil, 0, "", 2, [][]int{all, all}, copies(2, nil)},
		"every answer lost": {storetest.Times(9, lost), nil, 0, webhook.Unavailable, 4, [][]int{all, all, all, all}, copies(4, nil)},
		"half stored, answer lost": {storetest.Times(1, lost), nil, 5, "", 2, [][]int{all, all},
			copies(2, map[int]int{6: 1, 7: 1, 8: 1, 9: 1, 10: 1})},
		"half stored, half unsaid": {nil, nil, 5, "", 2, [][]int{all, half}, copies(1, nil)},
		"request lost":             {storetest.Times(1, storetest.LoseRequest()), nil, 0, "", 2, [][]int{all}, copies(1, nil)},
		"fault after storing":      {storetest.Times(1, storetest.Fault(500)), nil, 0, "", 2, [][]int{all, all}, copies(2, nil)},
		"answer cut":               {storetest.Times(1, cut), nil, 0, "", 2, [][]int{all, all}, copies(2, nil)},
		"every answer cut":         {storetest.Times(9, cut), nil, 0, webhook.Unavailable, 4, [][]int{all, all, all, all}, copies(4, nil)},
		"late answer":              {storetest.Times(1, late), nil, 0, "", 2, [][]int{all, all}, copies(2, nil)},
		"throttled":                {storetest.Times(1, refused("RequestThrottled")), nil, 0, "", 2, [][]int{all}, copies(1, nil)},
		"only throttled":           {storetest.Times(9, refused("ThrottlingException")), nil, 0, webhook.Unavailable, 4, nil, copies(0, nil)},
		"no permission":            {storetest.Times(1, refused("AccessDeniedException")), nil, 0, webhook.Unavailable, 1, nil, copies(0, nil)},
		"another text stored": {storetest.Times(1, instead(func(a *batchAnswer) { a.Successful[3].MD5 = strings.Repeat("0", 32) })), nil, 0,
			webhook.Unavailable, 1, [][]int{all}, copies(1, nil)},
		"says nothing": {storetest.Times(9, instead(func(a *batchAnswer) { *a = batchAnswer{} })), nil, 0,
			webhook.Unavailable, 4, [][]int{all, all, all, all}, copies(4, nil)},
		"one unsaid": {storetest.Times(1, instead(func(a *batchAnswer) { a.Successful = a.Successful[:9] })), nil, 0,
			"", 2, [][]int{all, last}, copies(1, map[int]int{10: 2})},
		"one stored and refused": {storetest.Times(1, instead(func(a *batchAnswer) { a.Failed = []failure{{ID: "9"}} })), nil, 0,
			"", 2, [][]int{all, last}, copies(1, map[int]int{10: 2})},
		"speaks of others": {storetest.Times(1, instead(func(a *batchAnswer) { a.Successful[9].ID = "77" })), nil, 0,
			"", 2, [][]int{all, last}, copies(1, map[int]int{10: 2})},
		"half refused once": {nil, refuse(1, false, half...), 0, "", 2, [][]int{all, half}, copies(1, nil)},
		"half refused for ever": {nil, refuse(forEver, false, half...), 0, webhook.Unavailable, 4, [][]int{all, half, half, half},
			copies(1, map[int]int{6: 0, 7: 0, 8: 0, 9: 0, 10: 0})},
		"one at fault": {nil, refuse(forEver, true, 3), 0, webhook.Internal, 1, [][]int{all}, copies(1, map[int]int{3: 0})},
		"one at fault, one refused once": {nil, both(refuse(forEver, true, 3), refuse(1, false, 10)), 0,
			webhook.Internal, 2, [][]int{all, last}, copies(1, map[int]int{3: 0})},
		"one at fault, one refused for ever": {nil, both(refuse(forEver, true, 3), refuse(forEver, false, 10)), 0,
			webhook.Internal, 4, [][]int{all, last, last, last}, copies(1, map[int]int{3: 0, 10: 0})},
		"one at fault, then no answers": {append(make([]storetest.Lie, 1), storetest.Times(9, lost)...),
			both(refuse(forEver, true, 3), refuse(1, false, 10)), 0,
			webhook.Internal, 5, [][]int{all, last, last, last, last}, copies(1, map[int]int{3: 0, 10: 4})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fakeQueue{t: t, stored: map[int]int{}, refuse: c.refuse, stops: c.stops}
			l := storetest.NewLiar(t, f.act)
			timeout := 3 * time.Second
			if name == "late answer" {
				timeout = 200 * time.Millisecond
			}
			q := functionsQueue(t, cfg, l.URL, timeout)
			l.Tell(c.script...)
			began := time.Now()
			if err := q.Send(t.Context(), attempts(10)...); webhook.CodeOf(err) != c.want {
				t.Errorf("got %v, want code %q", err, c.want)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if n := len(l.Asked()); n != c.asked {
				t.Errorf("%d requests, want %d", n, c.asked)
			}
			if !slices.EqualFunc(f.batches, c.batches, slices.Equal) {
				t.Errorf("sent %v, want %v", f.batches, c.batches)
			}
			if !maps.Equal(f.stored, c.stored) {
				t.Errorf("stored %v, want %v", f.stored, c.stored)
			}
		})
	}
}

// TestLiesInTheMiddle: nobody hears that all messages were sent if one of their batches was not.
func TestLiesInTheMiddle(t *testing.T) {
	f := &fakeQueue{t: t, stored: map[int]int{}}
	l := storetest.NewLiar(t, f.act)
	q := functionsQueue(t, functionsConfig(t), l.URL, 3*time.Second)
	l.Tell(append(make([]storetest.Lie, 1), storetest.Times(99, storetest.LoseRequest())...)...)
	if err := q.Send(t.Context(), attempts(25)...); webhook.CodeOf(err) != webhook.Unavailable {
		t.Errorf("got %v, want unavailable", err)
	}
	if n := len(l.Asked()); n != 9 || len(f.stored) != 10 && len(f.stored) != 5 {
		t.Errorf("%d requests stored %v; want 9 and the messages of one batch", n, f.stored)
	}
}
