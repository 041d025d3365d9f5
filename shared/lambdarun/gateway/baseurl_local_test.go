//go:build local

package gateway

const wantBaseURL = "http://localhost/_aws/execute-api/abc/prod"
