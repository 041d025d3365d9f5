// Command forget removes what there is of one verification: its deliveries to a partner's webhooks, their bodies, and the
// records of it in the bucket. `make forget` calls it from the project's root; infra/README.md tells when, and what stays.
//
// It works on the tables and the bucket that the environment names as it does for the functions (shared/env), with the
// AWS credentials that the AWS command line would use. Without SERVICE_TABLE it takes the local stage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/awscfg/profile"
	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
	"github.com/cr3dentials/verification-webhooks/shared/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	f, err := parse(args)
	if err != nil {
		return err
	}
	if err := local.UseStage(); err != nil {
		return err
	}
	awsConfig, err := profile.Load(ctx)
	if err != nil {
		return err
	}
	store, bucket, err := wire.Stored(awsConfig)
	if err != nil {
		return err
	}
	f.store, f.bucket, f.out, f.now, f.stage = store, bucket, out, time.Now, os.Getenv(env.DeliveriesTable)
	return f.forget(ctx)
}

func parse(args []string) (*forgetter, error) {
	f := &forgetter{}
	flags := flag.NewFlagSet("forget", flag.ContinueOnError)
	flags.StringVar(&f.partnerID, "partner", "", "the partner's id")
	flags.StringVar(&f.verificationID, "verification", "", "the verification's id")
	apply := flags.String("apply", "", "1: remove what is found")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	applies, err := local.Switch("APPLY", *apply)
	f.apply = applies
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unknown argument %q", flags.Arg(0))
	case f.partnerID == "" || f.verificationID == "":
		return nil, errors.New("say whose verification it is: make forget PARTNER=<id> VERIFICATION=<id>")
	case !webhook.ValidPartnerID(f.partnerID):
		return nil, fmt.Errorf("PARTNER: no partner has the id %q", f.partnerID)
	}
	return f, err
}
