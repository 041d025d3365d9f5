//go:build !local

package portal

// requireIAM: the admin function refuses whoever the gateway did not authenticate.
const requireIAM = true
