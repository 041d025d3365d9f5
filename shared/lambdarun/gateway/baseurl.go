//go:build !local

package gateway

import (
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// baseURL returns the API's own address as the client sees it: the host, and what stands before the path that the
// function is given (the stage, or a custom domain's base path).
func baseURL(in events.APIGatewayProxyRequest) string {
	return "https://" + in.RequestContext.DomainName + strings.TrimSuffix(in.RequestContext.Path, in.Path)
}
