package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// up starts what is not running, deploys what changed, and shows a webhook arriving.
func up(ctx context.Context, o options) error {
	begin := time.Now()
	running, err := local.Running(o.state)
	if err != nil {
		return err
	}
	s := &session{options: o, running: running}
	type step struct {
		name string
		do   func(context.Context) error
	}
	steps := []step{
		{"check the tools", checkTools},
		{"install the emulator, the CDK and the receivers", func(ctx context.Context) error {
			python := make(chan error, 1)
			go func() { python <- install(ctx, o.root, "venv") }()
			return errors.Join(install(ctx, o.root, "infra", "receivers"), <-python)
		}},
		{"make the local certificates", func(context.Context) error {
			_, err := local.EnsureCA(o.state)
			return err
		}},
		{"start the emulator", s.startEmulator},
		{"deploy the CDK stack", s.deploy},
		{"start the demo receiver", s.startReceiver},
		{"make the demo partner and its webhook", s.makeDemo},
		{"write a verification and await its webhook", s.showWebhook},
	}
	if o.enforceIAM {
		steps = slices.Insert(steps, 5, step{"have IAM enforced", s.enforce})
	}
	for i, step := range steps {
		fmt.Printf("[%d/%d] %-50s", i+1, len(steps), step.name)
		at := time.Now()
		if err := step.do(ctx); err != nil {
			fmt.Println("failed")
			return err
		}
		fmt.Printf("%6.1f s  %s\n", time.Since(at).Seconds(), s.note)
		s.note = ""
	}
	s.report()
	fmt.Printf("\nAfter the build it took %.0f s; everything goes on running; `make stop` ends it.\n", time.Since(begin).Seconds())
	return nil
}

// session is one run of up.
type session struct {
	options
	running map[string]local.Process
	run     local.Run
	outputs local.Outputs
	// instance tells this start of the emulator from any other.
	instance string
	demo     demo
	arrived  arrival
	note     string // shown beside the step that is done
}

func (s *session) startEmulator(ctx context.Context) error {
	if s.emulator != "" {
		s.run.AWSEndpoint, s.instance = strings.TrimSuffix(s.emulator, "/"), s.emulator
		if !local.Await(time.Minute, time.Second, func() bool { return ctx.Err() != nil || local.EmulatorReady(ctx, s.run.AWSEndpoint) }) {
			return fmt.Errorf("no emulator is ready at %s after a minute", s.emulator)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.note = "(already running: " + s.emulator + ")"
		return nil
	}
	port := s.ports.Emulator()
	s.run.AWSEndpoint = "http://127.0.0.1:" + strconv.Itoa(port)
	if s.enforceIAM {
		if err := s.forgetEmulator(); err != nil {
			return err
		}
		return s.startNewEmulator(ctx, s.enforcing(false)...)
	}
	p := s.running["emulator"]
	if p.Alive() && p.Port == port && local.EmulatorReady(ctx, s.run.AWSEndpoint) {
		s.note = "(runs already)"
		s.instance = instance(p)
		return nil
	}
	if p.Alive() && p.Port != port {
		return fmt.Errorf("this checkout has a copy that runs, its AWS at port %d: end it and its data with `make stop`, or start another copy in another checkout", p.Port)
	}
	if err := p.Stop(); err != nil {
		return err
	}
	return s.startNewEmulator(ctx)
}

func (s *session) startNewEmulator(ctx context.Context, env ...string) error {
	p, err := local.StartEmulator(ctx, s.state, venvDir(s.root), s.ports.Emulator(), env...)
	if p.PID != 0 {
		err = errors.Join(err, s.remember(p))
	}
	s.instance = instance(p)
	return err
}

// instance tells one start of the emulator from another.
func instance(p local.Process) string { return fmt.Sprintf("%d/%s", p.PID, p.Identity) }

// startReceiver starts the demo receiver anew, so that it has today's code and no old records.
func (s *session) startReceiver(ctx context.Context) error {
	if err := s.running["receiver"].Stop(); err != nil {
		return err
	}
	p, err := local.StartReceiver(ctx, s.root, s.state, "receiver", "express", s.ports.Receiver(), s.ports.Control())
	if p.PID != 0 {
		err = errors.Join(err, s.remember(p))
	}
	return err
}

// remember keeps a process for `down`.
func (s *session) remember(p local.Process) error {
	s.running[p.Name] = p
	return local.Remember(s.state, p)
}

// down ends what up started, and what tests started beside it, and nothing else.
func down(o options) error {
	running, err := local.Running(o.state)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(running))
	if len(names) == 0 {
		fmt.Println("Nothing is running.")
	}
	// In this order the emulator ends first, and with it whoever may still be sending to a receiver.
	for _, name := range names {
		p := running[name]
		if !p.Alive() {
			continue
		}
		at := time.Now()
		if err := p.Stop(); err != nil {
			return err
		}
		fmt.Printf("%s (pid %d) ended in %.1f s\n", name, p.PID, time.Since(at).Seconds())
	}
	for _, f := range []string{o.state.File(local.RunFile), o.state.File(local.ProcessesFile)} {
		if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
