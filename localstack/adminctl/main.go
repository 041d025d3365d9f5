// Command adminctl calls the administration API of a deployed stage, or of the local one. `make partner`, `make api-key`,
// `make portal-session`, `make redrive`, `make dead-letters` and `make activate` call it from the project's root. The first
// three print the answer, JSON, to standard output.
//
// ADMIN_URL is the stack's output AdminUrl; the request is signed with the AWS credentials that the AWS command line
// would use. Without ADMIN_URL it calls what `make run` left running, or the copy whose run.json RUN_JSON names. `activate`
// calls the partners' API too: API is the stack's output ApiUrl.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
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
	if len(args) > 0 && (args[0] == "redrive" || args[0] == "dead-letters") {
		return putBack(ctx, args, out)
	}
	if len(args) > 0 && args[0] == "activate" {
		return activate(ctx, args[1:], out)
	}
	path, body, err := request(args)
	if err != nil {
		return err
	}
	c, err := clientSaid(ctx)
	if err != nil {
		return err
	}
	var answer json.RawMessage
	if err := c.Call(ctx, "POST", path, body, &answer); err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, answer, "", "  "); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out, pretty.String())
	return nil
}

// putBack has handled again what could not be handled before: redrive [<id> [<all: 1>]], dead-letters.
func putBack(ctx context.Context, args []string, out io.Writer) error {
	args = append(args, "", "")
	id := args[1]
	all, err := local.Switch("ALL", args[2])
	if err != nil {
		return err
	}
	if id != "" && all {
		return errors.New("redrive: give ID=<id>, ALL=1 or nothing")
	}
	c, err := clientSaid(ctx)
	if err != nil {
		return err
	}
	if args[0] == "dead-letters" {
		return deadLetters(ctx, c, out)
	}
	return redrive(ctx, c, id, all, out)
}

// activate brings back the webhooks that failures switched off in some time.
func activate(ctx context.Context, args []string, out io.Writer) error {
	a, err := parseActivation(args, time.Now())
	if err != nil {
		return err
	}
	if a.admin, err = clientSaid(ctx); err != nil {
		return err
	}
	if a.api, err = portalURL(); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "api:", a.api)
	a.out, a.progress = out, os.Stderr
	return a.run(ctx)
}

// request turns the command line into a request of the admin API.
func request(args []string) (path string, body any, err error) {
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	partner := "/admin/partners/" + url.PathEscape(arg(1))
	switch {
	case arg(0) == "partner" && arg(1) != "" && arg(2) != "":
		return "/admin/partners", map[string]string{"name": arg(1), "id": arg(2)}, nil
	case arg(0) == "partner" && arg(1) != "":
		return "/admin/partners", map[string]string{"name": arg(1)}, nil
	case arg(0) == "partner":
		return "", nil, errors.New("name the partner: make partner NAME='Example Lending'")
	case arg(1) == "":
		return "", nil, fmt.Errorf("name the partner: make %s PARTNER=<id>", arg(0))
	case arg(0) == "api-key" && arg(2) != "":
		return partner + "/api-keys", map[string]string{"name": arg(2)}, nil
	case arg(0) == "api-key":
		return partner + "/api-keys", nil, nil
	case arg(0) == "portal-session":
		return partner + "/portal-sessions", nil, nil
	}
	return "", nil, fmt.Errorf("unknown command %q: want partner, api-key, portal-session, redrive, dead-letters or activate", arg(0))
}

// gatewayHost is an API's own host name; it tells the region.
var gatewayHost = regexp.MustCompile(`^[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.`) //nolint:gochecknoglobals // a constant

// clientSaid returns the client of a stage, and says which one it is: ADMIN_URL may be another's than one thinks.
func clientSaid(ctx context.Context) (local.Client, error) {
	c, err := client(ctx)
	if err == nil {
		fmt.Fprintln(os.Stderr, "stage:", c.Base)
	}
	return c, err
}

// client signs for the stage at ADMIN_URL, or for the local one.
func client(ctx context.Context) (local.Client, error) {
	admin := os.Getenv("ADMIN_URL")
	if admin == "" {
		r, err := localRun()
		return local.Admin(r), err
	}
	u, err := address("ADMIN_URL", admin)
	if err != nil {
		return local.Client{}, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return local.Client{}, fmt.Errorf("AWS configuration: %w", err)
	}
	region := cfg.Region
	if m := gatewayHost.FindStringSubmatch(u.Hostname()); m != nil {
		region = m[1]
	}
	if region == "" {
		return local.Client{}, errors.New("no AWS region: set AWS_REGION")
	}
	return local.Client{Base: admin, Sign: cfg.Credentials, Region: region}, nil
}

func localRun() (local.Run, error) {
	r, err := local.ReadRun(cmp.Or(os.Getenv("RUN_JSON"), "localstack/.state/run.json"))
	if errors.Is(err, os.ErrNotExist) {
		err = errors.New("no stage: set ADMIN_URL to the stack's output AdminUrl, or start the local stage with `make run`")
	}
	return r, err
}

// portalURL is the address of the partners' API of the stage that client signs for.
func portalURL() (string, error) {
	if os.Getenv("ADMIN_URL") == "" {
		r, err := localRun()
		return r.APIURL, err
	}
	api := os.Getenv("API")
	_, err := address("API", api)
	return api, err
}

// address reads the address of an API that is called with keys and sessions. Only to this machine they go in the clear.
func address(name, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%s: set it to the stack's output, as `make env` does: not a URL: %q", name, text)
	}
	host := u.Hostname()
	here := host == "localhost" || net.ParseIP(host).IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !here) {
		return nil, fmt.Errorf("%s: want https://, have %q: keys and sessions would go in the clear", name, text)
	}
	return u, nil
}
