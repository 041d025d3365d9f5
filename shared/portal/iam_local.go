//go:build local

package portal

// requireIAM is off on a developer's machine only: the emulator's gateway authenticates nobody. The tag is never set
// for a binary that is deployed.
const requireIAM = false
