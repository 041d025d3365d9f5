//go:build !local

package lambdarun

const wantBaseURL = "https://api.example.com/prod"
