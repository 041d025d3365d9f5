// Command admin is the function behind /admin: administration, for IAM identities only.
package main

import (
	"context"
	"os"

	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/lambdarun/gateway"
	"github.com/cr3dentials/verification-webhooks/shared/wire/api"
)

func main() {
	log := lambdarun.Logger("admin")
	handler, err := api.Admin(context.Background(), log)
	if err != nil {
		log.Error("start failed", "event", "start.failed", "error", err)
		os.Exit(1)
	}
	gateway.Start(log, handler)
}
