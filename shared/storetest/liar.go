package storetest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Liar is an HTTP server in the place of an AWS service, behind a network that fails. It tells one Lie of its script
// for each request, and is honest when the script is over.
type Liar struct {
	URL string

	act    func(action string, body []byte) Answer
	mu     sync.Mutex
	script []Lie
	asked  []string
}

// Answer is what a service says.
type Answer struct {
	Status int
	Header map[string]string
	Body   string
}

// Lie is what becomes of one request and its answer. The zero Lie is an honest one.
type Lie struct {
	// Deaf keeps the request from the service. Its answer is empty then.
	Deaf bool
	// Meanwhile happens after the service has acted and before anybody hears of it.
	Meanwhile func()
	// Instead makes the answer that is sent of the service's own.
	Instead func(Answer) Answer
	Arrives Arrival
}

// Arrival is how much of an answer arrives.
type Arrival int

// The ways of answers.
const (
	Whole   Arrival = iota
	Nothing         // the connection ends before the answer
	Half            // it ends in the middle of the body
	Late            // nothing comes until the client gives up
)

// LoseAnswer lets the request take effect and ends the connection.
func LoseAnswer() Lie { return Lie{Arrives: Nothing} }

// LoseRequest ends the connection without any effect.
func LoseRequest() Lie { return Lie{Deaf: true, Arrives: Nothing} }

// Fault lets the request take effect and answers as a proxy does that lost its service.
func Fault(status int) Lie {
	return Lie{Instead: func(Answer) Answer { return Answer{Status: status, Body: "<html>" + http.StatusText(status)} }}
}

// Refuse answers without any effect.
func Refuse(status int, body string) Lie {
	return Lie{Deaf: true, Instead: func(Answer) Answer { return Answer{Status: status, Body: body} }}
}

// Times repeats a Lie.
func Times(n int, l Lie) []Lie {
	script := make([]Lie, n)
	for i := range script {
		script[i] = l
	}
	return script
}

// NewLiar starts a Liar before a service until the test ends. act is called by one request at a time; action is the
// operation's name, or the HTTP method and path where the protocol has no names.
func NewLiar(t *testing.T, act func(action string, body []byte) Answer) *Liar {
	l := &Liar{act: act}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.URL = server.URL
	return l
}

// Tell sets the script and forgets what was asked so far.
func (l *Liar) Tell(script ...Lie) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.script, l.asked = script, nil
}

// Asked returns the actions of all requests since Tell, each try of the SDK's among them.
func (l *Liar) Asked() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.asked...)
}

// While calls f while the service acts for nobody.
func (l *Liar) While(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func (l *Liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	a, arrives := l.answer(r, body)
	if arrives == Late {
		<-r.Context().Done()
	}
	if arrives == Nothing || arrives == Late {
		panic(http.ErrAbortHandler)
	}
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(a.Status)
	if arrives == Half {
		_, _ = io.WriteString(w, a.Body[:len(a.Body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, a.Body)
}

// answer lets the service act, if it is to hear of the request, and returns what it says then.
func (l *Liar) answer(r *http.Request, body []byte) (Answer, Arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, action, named := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !named {
		action = r.Method + " " + r.URL.RequestURI()
	}
	l.asked = append(l.asked, action)
	var lie Lie
	if len(l.script) > 0 {
		lie, l.script = l.script[0], l.script[1:]
	}
	var a Answer
	if !lie.Deaf {
		a = l.act(action, body)
	}
	if lie.Meanwhile != nil {
		lie.Meanwhile()
	}
	if lie.Instead != nil {
		a = lie.Instead(a)
	}
	return a, lie.Arrives
}

// OwnBody is Transport for a whole HTTP client.
type OwnBody struct {
	Next interface {
		Do(r *http.Request) (*http.Response, error)
	}
}

// Do sends a request that has a body of its own.
func (o OwnBody) Do(r *http.Request) (*http.Response, error) { return withOwnBody(r, o.Next.Do) }
