// Command portal is the function behind the REST API: the partners' API and the console.
package main

import (
	"context"
	"os"

	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/wire"
)

func main() {
	log := lambdarun.Logger()
	handler, closeIdle, err := wire.Portal(context.Background(), log)
	if err != nil {
		log.Error("start failed", "event", "start.failed", "error", err)
		os.Exit(1)
	}
	lambdarun.HTTP(log, closeIdle, handler)
}
