// Command bench measures how fast and how costly the product is; `make bench` runs it. It prints one line of JSON for
// each figure to standard output, and a table and the machine to standard error. `bench cost` is `make cost`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// bench is what all figures share.
type bench struct {
	root     string // of the project
	dir      string // temporary, with the CA
	ca       *local.CA
	receiver *receiver
	secret   string // of every webhook
	counted  map[drive][]usage
}

// figure measures what some of the rows tell.
type figure struct {
	names []string
	run   func(context.Context, *bench) ([]row, error)
}

func figures() []figure {
	return []figure{
		{[]string{throughputRatio, cpuRatio}, measureRatios},
		{[]string{decodeTime}, measureDecode},
		{[]string{cpuPer10k}, measureCPU},
		{[]string{writesPerDelivery}, measureWrites},
		{[]string{wcuPerDelivery}, measureWCU},
		{[]string{firstPost}, measureFirstPost},
		{[]string{isolationRatio, isolationHang}, measureIsolation},
		{[]string{initTime}, measureInit},
		{[]string{binarySize}, measureBinary},
		{[]string{peakMemory}, measureMemory},
		{[]string{usdPerMillion}, measurePrice},
		{[]string{scaleCPU}, measureOtherCPU},
		{[]string{scaleFanOut}, measureFanOut},
		{[]string{scalePartners}, measurePartners},
		{[]string{scaleListing}, measureListing},
		{[]string{scaleWebhook}, measureOneWebhook},
	}
}

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "receiver":
		err = child(args[1], func(c receiverConfig) error { return runReceiver(c) })
	case len(args) == 2 && args[0] == "engine":
		err = child(args[1], printed(runEngine))
	case len(args) == 2 && args[0] == "floor":
		err = child(args[1], printed(runFloor))
	case len(args) == 2 && args[0] == "decode":
		err = child(args[1], printed(runDecode))
	case len(args) > 0 && args[0] == "cost":
		err = runCost(args[1:])
	default:
		err = runBench()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// child runs a subcommand with its argument.
func child[In any](arg string, run func(In) error) error {
	var in In
	if err := json.Unmarshal([]byte(arg), &in); err != nil {
		return err
	}
	return run(in)
}

// printed makes a subcommand of a function: its result goes to standard output as JSON.
func printed[In, Out any](f func(In) (Out, error)) func(In) error {
	return func(in In) error {
		out, err := f(in)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(out)
	}
}

func runBench() error {
	only := flag.String("only", "", "names of figures, comma separated; all if empty")
	flag.Parse()
	all := figures()
	wanted := func(name string) bool { return true }
	if *only != "" {
		names := strings.Split(*only, ",")
		wanted = func(name string) bool { return slices.Contains(names, name) }
		for _, n := range names {
			if !slices.ContainsFunc(all, func(f figure) bool { return slices.Contains(f.names, n) }) {
				return fmt.Errorf("there is no figure %q", n)
			}
		}
	}
	return withBench(func(ctx context.Context, b *bench) error { return b.figures(ctx, all, wanted) })
}

// withBench runs f with the parts that all figures share, until it has ended or is interrupted.
func withBench(f func(ctx context.Context, b *bench) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b, err := newBench(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	return f(ctx, b)
}

// figures measures and prints those that are wanted.
func (b *bench) figures(ctx context.Context, all []figure, wanted func(name string) bool) error {
	began := time.Now()
	var rows []row
	for _, f := range all {
		if !slices.ContainsFunc(f.names, wanted) {
			continue
		}
		at := time.Now()
		got, err := f.run(ctx, b)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		if err != nil {
			got = nil
			for _, name := range f.names {
				got = append(got, failedRow(name, err))
			}
		}
		for _, r := range got {
			if !wanted(r.Name) {
				continue
			}
			rows = append(rows, r)
			if err := printJSON(os.Stdout, r); err != nil {
				return err
			}
		}
		fmt.Fprintf(os.Stderr, "%6.1f s  %s\n", time.Since(at).Seconds(), strings.Join(f.names, ", "))
	}
	fmt.Fprintln(os.Stderr)
	printTable(os.Stderr, rows)
	fmt.Fprintf(os.Stderr, "\n%s; %.0f s in all\n", machine(began), time.Since(began).Seconds())
	return nil
}

func newBench(ctx context.Context) (*bench, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	b := &bench{root: root, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw7BEuChK4tFg=", counted: map[drive][]usage{}}
	for _, f := range []string{"dispatcher", "retrier"} {
		if _, err := os.Stat(b.binary(f)); err != nil {
			return nil, fmt.Errorf("run this with `make bench`: %w", err)
		}
	}
	if b.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, err
	}
	if b.ca, err = local.EnsureCA(local.Dir(b.dir)); err == nil {
		b.receiver, err = startReceiver(ctx, local.Dir(b.dir), b.secret)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) close() {
	if b.receiver != nil {
		b.receiver.stop()
	}
	_ = os.RemoveAll(b.dir)
}

// childEnvironment is that of the bench's own processes: they trust its CA and nothing else.
func (b *bench) childEnvironment() []string {
	return append(os.Environ(), "SSL_CERT_FILE="+local.Dir(b.dir).File(local.CACertFile))
}
