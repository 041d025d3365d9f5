//go:build !local

package gateway

const wantBaseURL = "https://api.example.com/prod"
