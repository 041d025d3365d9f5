//go:build local

package delivery

import "time"

// creationGrace is wider in the local build: DynamoDB Local truncates a record's time to the minute.
const creationGrace = 60 * time.Second
