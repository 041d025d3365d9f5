// Command dispatcher is the function behind the verifications table's stream: it makes first attempts.
package main

import (
	"context"
	"os"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/wire"
)

func main() {
	log := lambdarun.Logger("dispatcher")
	engine, err := wire.Engine(context.Background(), log,
		env.ServiceTable, env.DeliveriesTable, env.QueueURL, env.ParkedBucket, env.KMSKeyID)
	if err != nil {
		log.Error("start failed", "event", "start.failed", "error", err)
		os.Exit(1)
	}
	lambdarun.Stream(log, engine.Dispatch)
}
