package stub

import (
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"time"
)

// What SQS refuses.
const (
	maxBatch   = 10
	maxMessage = 1 << 20
	maxDelay   = 900
)

func sqsFailure(kind, message string) *failure {
	return &failure{status: 400, kind: "com.amazonaws.sqs#" + kind, message: message}
}

// asked holds the members of a request to SQS or of an entry of a batch.
type asked struct {
	q                                 *queue
	id, body, group, receipt, name    string
	entries                           string
	delay, most, visibility, waitTime int
	hasVisibility                     bool
}

// parseAsked reads a request; with a queue, which must exist, unless it is an entry or makes one.
func (s *Services) parseAsked(text string, withQueue bool) (a asked, f *failure) {
	for name, v := range members(text) {
		switch name {
		case "QueueUrl":
			a.q = s.queueAt(unquote(v))
		case "QueueName":
			a.name = unquote(v)
		case "Id":
			a.id = v
		case "MessageBody":
			a.body = unquote(v)
		case "MessageGroupId":
			a.group = unquote(v)
		case "ReceiptHandle":
			a.receipt = unquote(v)
		case "Entries":
			a.entries = v
		case "DelaySeconds":
			a.delay, _ = strconv.Atoi(v)
		case "MaxNumberOfMessages":
			a.most, _ = strconv.Atoi(v)
		case "WaitTimeSeconds":
			a.waitTime, _ = strconv.Atoi(v)
		case "VisibilityTimeout":
			a.visibility, _ = strconv.Atoi(v)
			a.hasVisibility = true
		}
	}
	if withQueue && a.q == nil {
		f = sqsFailure("QueueDoesNotExist", "The specified queue does not exist.")
	}
	return a, f
}

// check returns why a message is refused, "" if it is not.
func (a *asked) check() (code string) {
	switch {
	case a.body == "":
		return "MissingParameter"
	case len(a.body) > maxMessage, a.delay < 0, a.delay > maxDelay:
		return "InvalidParameterValue"
	}
	for _, c := range a.body {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == '\uFFFE' || c == '\uFFFF' {
			return "InvalidMessageContents"
		}
	}
	return ""
}

func digest(body string) string {
	sum := md5.Sum([]byte(body)) // the SDK compares it with its own
	return hex.EncodeToString(sum[:])
}

// sendTo stores a message in q and returns the members that tell so.
func (s *Services) sendTo(q *queue, a *asked) string {
	q.mu.Lock()
	id := q.send(a.body, a.group, time.Now(), time.Duration(a.delay)*time.Second)
	q.mu.Unlock()
	s.counter.sent(1)
	return `"MessageId":"` + id + `","MD5OfMessageBody":"` + digest(a.body) + `"`
}

func (s *Services) sendMessage(body string) ([]byte, *failure) {
	a, f := s.parseAsked(body, true)
	if f != nil {
		return nil, f
	}
	if code := a.check(); code != "" {
		return nil, sqsFailure(code, "the message is refused")
	}
	return []byte("{" + s.sendTo(a.q, &a) + "}"), nil
}

func (s *Services) sendMessageBatch(body string) ([]byte, *failure) {
	a, f := s.parseAsked(body, true)
	if f != nil {
		return nil, f
	}
	entries, f := s.batch(&a)
	if f != nil {
		return nil, f
	}
	var done, failed []byte
	for i := range entries {
		e := &entries[i]
		if code := e.check(); code != "" {
			failed = appendElement(failed, `{"Id":`+e.id+`,"Code":"`+code+`","Message":"the message is refused","SenderFault":true}`)
			continue
		}
		done = appendElement(done, `{"Id":`+e.id+`,`+s.sendTo(a.q, e)+`}`)
	}
	return batchAnswer(done, failed), nil
}

func appendElement(b []byte, e string) []byte {
	if len(b) > 0 {
		b = append(b, ',')
	}
	return append(b, e...)
}

func batchAnswer(done, failed []byte) []byte {
	return []byte(`{"Successful":[` + string(done) + `],"Failed":[` + string(failed) + `]}`)
}

// batch reads the entries of a batch, whose ids must differ.
func (s *Services) batch(a *asked) ([]asked, *failure) {
	var all []asked
	seen := map[string]bool{}
	size := 0
	for text := range elements(a.entries) {
		e, _ := s.parseAsked(text, false)
		if seen[e.id] {
			return nil, sqsFailure("BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id.")
		}
		seen[e.id] = true
		size += len(e.body)
		all = append(all, e)
	}
	switch {
	case len(all) == 0:
		return nil, sqsFailure("EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(all) > maxBatch:
		return nil, sqsFailure("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
	case size > maxMessage:
		return nil, sqsFailure("BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes.")
	}
	return all, nil
}

func (s *Services) receiveMessage(body string) ([]byte, *failure) {
	a, f := s.parseAsked(body, true)
	if f != nil {
		return nil, f
	}
	visibility := time.Duration(a.visibility) * time.Second
	const look = 20 * time.Millisecond
	var found []Message
	for end := time.Now().Add(time.Duration(a.waitTime) * time.Second); ; time.Sleep(look) {
		a.q.mu.Lock()
		if !a.hasVisibility {
			visibility = a.q.visibility
		}
		found = a.q.receive(time.Now(), max(a.most, 1), visibility)
		a.q.mu.Unlock()
		if len(found) > 0 || !time.Now().Before(end) {
			break
		}
	}
	b := []byte(`{"Messages":[`)
	for i, m := range found {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"MessageId":"`+m.ID+`","ReceiptHandle":"`+m.ID+`","MD5OfBody":"`+digest(m.Body)+`","Body":`...)
		b = append(appendQuoted(b, m.Body), `,"Attributes":{"ApproximateReceiveCount":"`+itoa(m.Receives)+
			`","SentTimestamp":"`+strconv.FormatInt(m.SentAt.UnixMilli(), 10)+`"}}`...)
	}
	return append(b, "]}"...), nil
}

func (s *Services) deleteMessage(body string) ([]byte, *failure) {
	a, f := s.parseAsked(body, true)
	if f != nil {
		return nil, f
	}
	s.Delete(a.q.name, a.receipt)
	return []byte("{}"), nil
}

func (s *Services) deleteMessageBatch(body string) ([]byte, *failure) {
	a, f := s.parseAsked(body, true)
	if f != nil {
		return nil, f
	}
	entries, f := s.batch(&a)
	if f != nil {
		return nil, f
	}
	var done []byte
	for _, e := range entries {
		s.Delete(a.q.name, e.receipt)
		done = appendElement(done, `{"Id":`+e.id+`}`)
	}
	return batchAnswer(done, nil), nil
}

func (s *Services) getQueueAttributes(body string) ([]byte, *failure) {
	a, f := s.parseAsked(body, true)
	if f != nil {
		return nil, f
	}
	ready, delayed, inFlight := s.Waiting(a.q.name)
	return []byte(`{"Attributes":{"ApproximateNumberOfMessages":"` + itoa(ready) +
		`","ApproximateNumberOfMessagesDelayed":"` + itoa(delayed) +
		`","ApproximateNumberOfMessagesNotVisible":"` + itoa(inFlight) + `"}}`), nil
}

func (s *Services) createQueue(body string) ([]byte, *failure) {
	a, _ := s.parseAsked(body, false)
	return append(appendQuoted([]byte(`{"QueueUrl":`), s.CreateQueue(a.name)), '}'), nil
}

func (s *Services) deleteQueue(body string) ([]byte, *failure) {
	a, f := s.parseAsked(body, true)
	if f != nil {
		return nil, f
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.queues, a.q.name)
	return []byte("{}"), nil
}
