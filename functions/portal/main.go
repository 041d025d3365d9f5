// Command portal is the function behind the REST API: the partners' API and the console.
package main

import (
	"context"
	"os"

	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/lambdarun/gateway"
	"github.com/cr3dentials/verification-webhooks/shared/wire/api"
)

func main() {
	log := lambdarun.Logger("portal")
	handler, err := api.Portal(context.Background(), log)
	if err != nil {
		log.Error("start failed", "event", "start.failed", "error", err)
		os.Exit(1)
	}
	gateway.Start(log, handler)
}
