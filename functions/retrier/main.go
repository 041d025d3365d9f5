// Command retrier is the function behind the delivery queue: it makes every later step of a delivery.
package main

import (
	"context"
	"os"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/wire"
)

func main() {
	log := lambdarun.Logger("retrier")
	engine, err := wire.Engine(context.Background(), log,
		env.ServiceTable, env.DeliveriesTable, env.QueueURL, env.ParkedBucket, env.KMSKeyID)
	if err != nil {
		log.Error("start failed", "event", "start.failed", "error", err)
		os.Exit(1)
	}
	lambdarun.Queue(log, engine.Receive)
}
