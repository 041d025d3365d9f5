// Command history gives a webhook of the local stage the counters of the last day, as if it had been used that long:
// pictures of a console that knows only the last minute would show no charts. The counters are made by the product's
// own rules and written by its own store. `make screenshots` calls it.
//
// usage: history PARTNER_ID WEBHOOK_ID healthy|failing, with E2E_STATE in the environment
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("usage: history PARTNER_ID WEBHOOK_ID healthy|failing")
	}
	file := os.Getenv("E2E_STATE")
	r, err := local.ReadRun(file)
	if err != nil {
		return err
	}
	outputs, err := local.ReadOutputs(local.Dir(filepath.Dir(file)).File(local.OutputsFile))
	if err != nil {
		return err
	}
	store := dynamo.New(dynamodb.NewFromConfig(local.AWS(r.AWSEndpoint)), dynamo.Options{ServiceTable: outputs["ServiceTable"]})
	// The same picture every time.
	random := rand.New(rand.NewPCG(1, uint64(len(args[2]))))
	for ago := 23; ago >= 1; ago-- {
		hour := webhook.HourOf(time.Now()).Add(-time.Duration(ago) * time.Hour)
		if err := store.AddStats(ctx, args[0], args[1], hourOf(random, hour, args[2] == "failing" && ago < 4)); err != nil {
			return err
		}
	}
	return nil
}

// hourOf makes up one hour: more by day than by night, a failed attempt now and then, or most of the time.
func hourOf(random *rand.Rand, hour time.Time, failing bool) webhook.Stats {
	s := webhook.Stats{Hour: hour}
	attempts := 4 + random.IntN(6)
	if h := hour.Hour(); h > 6 && h < 20 {
		attempts += 20 + random.IntN(25)
	}
	for i := range attempts {
		a := webhook.Attempt{
			StartedAt: hour.Add(time.Duration(i+1) * 50 * time.Second),
			Duration:  time.Duration(60+random.ExpFloat64()*70) * time.Millisecond,
		}
		state := webhook.Delivered
		if failing && random.IntN(3) > 0 || random.IntN(60) == 0 {
			a.ErrorCode, a.StatusCode = webhook.ErrHTTPStatus, 503
			state = webhook.StatePending
		}
		s.Add(a, state)
	}
	return s
}
