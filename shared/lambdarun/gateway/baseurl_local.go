//go:build local

package gateway

import (
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// baseURL returns the API's address at the local emulator, which speaks http and serves every API under one host.
func baseURL(in events.APIGatewayProxyRequest) string {
	host := "localhost"
	for k, v := range in.Headers {
		if strings.EqualFold(k, "host") {
			host = v
		}
	}
	return "http://" + host + "/_aws/execute-api/" + in.RequestContext.APIID + "/" + in.RequestContext.Stage
}
