//go:build !local

package delivery

import "time"

// creationGrace is how much later than its record a webhook may have been created and still be eligible: streams give
// the time of a record in whole seconds.
const creationGrace = time.Second
