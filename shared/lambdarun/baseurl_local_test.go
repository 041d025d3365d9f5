//go:build local

package lambdarun

const wantBaseURL = "http://localhost/_aws/execute-api/abc/prod"
