package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// lambdaRuntime stands in for the Lambda Runtime API of one execution environment: it hands events to the one process
// that polls it, one at a time, and takes the answers. It neither freezes the process between invocations nor kills it
// at its deadline.
type lambdaRuntime struct {
	server  *http.Server
	address string
	pending chan *invocation
	polled  chan time.Time // the first poll

	mu      sync.Mutex
	first   bool
	running map[string]*invocation
	count   int
}

type invocation struct {
	id       string
	event    []byte
	timeout  time.Duration
	handed   time.Time // when the process got it
	done     time.Time
	answer   []byte
	err      error
	finished chan struct{}
}

// duration is what Lambda bills, apart from its rounding up to a millisecond.
func (i *invocation) duration() time.Duration { return i.done.Sub(i.handed) }

const runtimePath = "/2018-06-01/runtime/"

func newRuntime() (*lambdaRuntime, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &lambdaRuntime{
		address: l.Addr().String(), pending: make(chan *invocation), polled: make(chan time.Time, 1),
		running: map[string]*invocation{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimePath+"invocation/next", r.next)
	mux.HandleFunc("POST "+runtimePath+"invocation/{id}/response", r.response)
	mux.HandleFunc("POST "+runtimePath+"invocation/{id}/error", r.failure)
	mux.HandleFunc("POST "+runtimePath+"init/error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	r.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = r.server.Serve(l) }()
	return r, nil
}

func (r *lambdaRuntime) close() { _ = r.server.Close() }

// next is the poll of the process: it waits for an event for as long as it takes.
func (r *lambdaRuntime) next(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	if !r.first {
		r.first = true
		r.polled <- time.Now()
	}
	r.mu.Unlock()
	select {
	case <-req.Context().Done():
	case i := <-r.pending:
		r.mu.Lock()
		i.handed = time.Now()
		r.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(i.event)))
		h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.handed.Add(i.timeout).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench")
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
		_, _ = w.Write(i.event)
	}
}

func (r *lambdaRuntime) response(w http.ResponseWriter, req *http.Request) {
	r.finish(w, req, func(i *invocation, body []byte) { i.answer = body })
}

func (r *lambdaRuntime) failure(w http.ResponseWriter, req *http.Request) {
	r.finish(w, req, func(i *invocation, body []byte) { i.err = fmt.Errorf("the function failed: %s", tail(string(body))) })
}

func (r *lambdaRuntime) finish(w http.ResponseWriter, req *http.Request, set func(*invocation, []byte)) {
	at := time.Now()
	body, err := io.ReadAll(req.Body)
	r.mu.Lock()
	i := r.running[req.PathValue("id")]
	delete(r.running, req.PathValue("id"))
	r.mu.Unlock()
	if i == nil || err != nil {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	i.done = at
	set(i, body)
	w.WriteHeader(http.StatusAccepted)
	close(i.finished)
}

var errTimeout = errors.New("the function did not answer in time")

// invoke hands the process an event as soon as it polls and waits for its answer.
func (r *lambdaRuntime) invoke(ctx context.Context, event []byte, timeout time.Duration) (*invocation, error) {
	r.mu.Lock()
	r.count++
	i := &invocation{
		id:    fmt.Sprintf("8476a536-e9f4-11e8-9739-%012d", r.count),
		event: event, timeout: timeout, finished: make(chan struct{}),
	}
	r.running[i.id] = i
	r.mu.Unlock()
	late := time.NewTimer(timeout + time.Second)
	defer late.Stop()
	select {
	case r.pending <- i:
	case <-late.C:
		return nil, errTimeout
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case <-i.finished:
		return i, i.err
	case <-late.C:
		return nil, errTimeout
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// environment is what Lambda itself sets for a process, and what points it at the stand-in.
func (r *lambdaRuntime) environment(name string, memoryMB int) []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + r.address, "AWS_LAMBDA_FUNCTION_NAME=" + name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(memoryMB), "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + name, "AWS_LAMBDA_LOG_STREAM_NAME=bench",
		"_HANDLER=bootstrap", "DEPLOYMENT=VerificationWebhooks-prod", "LAMBDA_TASK_ROOT=/var/task",
	}
}
