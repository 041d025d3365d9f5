// Command stack starts and stops everything that runs on this machine: the emulator, the CDK stack deployed to it, the
// demo receiver. `make run`, `make stop` and `make test` call it from the project's root.
//
//	stack check   say what is missing on this machine, before anything takes long
//	stack up      start what is not running, deploy what changed, show a verified webhook arriving, leave all running
//	stack endpoint   be the functions' AWS endpoint; up -enforce-iam starts it
//	stack permissions   hold what the functions asked AWS for against what they may do
//	stack dynamodb   start DynamoDB Local, for the tests
//	stack down    end what up and dynamodb started
//	stack install TOOLS...   make the Python environments and node modules that are named: venv, lint, checkov, infra,
//	                         receivers, receivers-venv, dynamodb-local, browser
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// options are the command line's; paths are absolute.
type options struct {
	root     string
	state    local.Dir
	ports    local.Ports
	shift    int
	emulator string // URL of an emulator that runs already; empty: start our own
	// enforceIAM deploys to a new emulator and has it check every request of a function against the function's role.
	enforceIAM bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "\nerror:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: stack check|up|endpoint|permissions|dynamodb|down|install")
	}
	flags := flag.NewFlagSet("stack "+args[0], flag.ContinueOnError)
	state := flags.String("state", "localstack/.state", "folder of this running copy")
	shift := flags.Int("shift", 0, "added to PORT_BASE")
	emulator := flags.String("emulator", "", "URL of an emulator that is already running")
	enforceIAM := flags.Bool("enforce-iam", false, "the functions may do what their roles allow, and nothing else")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	ports, err := local.PortsFromEnv()
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(*state)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return err
	}
	o := options{root, local.Dir(abs), local.Ports{Base: ports.Base + *shift}, *shift, *emulator, *enforceIAM}
	if o.enforceIAM && o.emulator != "" {
		return errors.New("-enforce-iam starts an emulator of its own")
	}
	switch args[0] {
	case "check":
		return check(ctx, o)
	case "up":
		return up(ctx, o)
	case "endpoint":
		return serveEndpoint(ctx, o)
	case "permissions":
		return checkPermissions(ctx, o)
	case "dynamodb":
		return startDynamoDB(ctx, o)
	case "down":
		return down(o)
	case "install":
		return install(ctx, o.root, flags.Args()...)
	}
	return fmt.Errorf("unknown command %q", args[0])
}
