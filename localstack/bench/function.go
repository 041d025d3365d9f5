package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"
)

// function is a process of one of the product's functions under the stand-in of the Runtime API.
type function struct {
	*proc
	*lambdaRuntime
	init time.Duration // from exec to the first poll
	log  logBytes
	errs *os.File
}

// logBytes counts what a function logs: Lambda takes it to CloudWatch Logs.
type logBytes struct{ n atomic.Int64 }

func (l *logBytes) Write(p []byte) (int, error) {
	l.n.Add(int64(len(p)))
	return len(p), nil
}

// functionTimeout is the dispatcher's and the retrier's.
const functionTimeout = time.Minute

// startFunction starts a local build of a function and waits until it polls. extra are more environment variables.
func (b *bench) startFunction(ctx context.Context, name string, env []string, extra ...string) (*function, error) {
	memory, err := b.memoryMB(name)
	if err != nil {
		return nil, err
	}
	r, err := newRuntime()
	if err != nil {
		return nil, err
	}
	f := &function{lambdaRuntime: r}
	if f.errs, err = os.CreateTemp(b.dir, name+"-*.log"); err != nil {
		return nil, err
	}
	f.proc, err = startProc(ctx, append(append(r.environment(name, memory), env...), extra...), &f.log, f.errs, b.binary(name))
	if err != nil {
		r.close()
		return nil, err
	}
	select {
	case at := <-r.polled:
		f.init = at.Sub(f.started)
		return f, nil
	case <-time.After(20 * time.Second):
		f.stop()
		text, _ := os.ReadFile(f.errs.Name())
		return nil, fmt.Errorf("the %s does not poll: %s", name, tail(string(text)))
	}
}

func (f *function) stop() {
	f.proc.stop()
	f.close()
	_ = f.errs.Close()
}

// binary is the local build of a function: what it allows besides is endpoints on localhost.
func (b *bench) binary(name string) string {
	return filepath.Join(b.root, ".build/local", name, "bootstrap")
}

// lambdaBinary is the build that is deployed.
func (b *bench) lambdaBinary(name string) string {
	return filepath.Join(b.root, ".build/lambda", name, "bootstrap")
}

// memoryMB is the memory that infra gives a function.
func (b *bench) memoryMB(name string) (int, error) {
	files, err := filepath.Glob(filepath.Join(b.root, "infra", "*.go"))
	if err != nil {
		return 0, err
	}
	pattern := regexp.MustCompile(`name: "` + name + `",[^}]*?memoryMB: (\d+)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		if found := pattern.FindSubmatch(text); found != nil {
			return strconv.Atoi(string(found[1]))
		}
	}
	return 0, fmt.Errorf("infra tells no memoryMB of the %s", name)
}
