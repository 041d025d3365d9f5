// Command sweeper is the function that runs every minute and takes up what is overdue.
package main

import (
	"context"
	"os"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/wire"
)

func main() {
	log := lambdarun.Logger("sweeper")
	engine, err := wire.Engine(context.Background(), log, env.ServiceTable, env.DeliveriesTable, env.QueueURL)
	if err != nil {
		log.Error("start failed", "event", "start.failed", "error", err)
		os.Exit(1)
	}
	lambdarun.Schedule(log, engine.Sweep)
}
