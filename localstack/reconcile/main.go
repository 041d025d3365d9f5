// Command reconcile compares verification records with the deliveries that there are of them and creates what is
// missing. `make reconcile` calls it from the project's root; README.md tells when, and what the options mean.
//
// It works on the tables, the queue and the bucket that the environment names as it does for the functions (shared/env),
// with the AWS credentials that the AWS command line would use. Without SERVICE_TABLE it takes the local stage.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/awscfg/profile"
	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], time.Now(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, now time.Time, out io.Writer) error {
	p, err := parse(args, now)
	if err != nil {
		return err
	}
	if err := local.UseStage(); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "stage:", os.Getenv(env.VerificationsTable))
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	awsConfig, err := profile.Load(ctx)
	if err != nil {
		return err
	}
	engine, store, err := wire.Reconciler(awsConfig, log)
	if err != nil {
		return err
	}
	r := &reconciler{plan: p, engine: engine, table: store, out: out}
	err = r.all(ctx, p.records(store))
	_, _ = fmt.Fprintln(out, r.report())
	if err == nil {
		err = r.verdict()
	}
	return err
}

func parse(args []string, now time.Time) (plan, error) {
	var o options
	flags := flag.NewFlagSet("reconcile", flag.ContinueOnError)
	flags.StringVar(&o.ids, "ids", "", "verification ids, comma separated")
	flags.StringVar(&o.file, "file", "", "file of verification ids, one on each line")
	flags.StringVar(&o.scan, "scan", "", "1: look at the whole table")
	flags.StringVar(&o.since, "since", "", "RFC 3339 time")
	flags.StringVar(&o.until, "until", "", "RFC 3339 time")
	flags.StringVar(&o.attribute, "time-attribute", "", "attribute that tells when a record reached its status")
	flags.StringVar(&o.all, "all", "", "1: with -scan, look at records of any age")
	flags.StringVar(&o.apply, "apply", "", "1: create what is missing")
	if err := flags.Parse(args); err != nil {
		return plan{}, err
	}
	if flags.NArg() > 0 {
		return plan{}, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	return o.plan(now)
}
