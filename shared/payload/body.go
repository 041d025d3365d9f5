package payload

import (
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// MaxBody is the largest body in bytes.
const MaxBody = jsbytes.MaxSize

// ErrTooLarge is returned for a body of more than MaxBody bytes.
var ErrTooLarge = jsbytes.ErrTooLarge

// Body builds the default body of the record's event: the partner guide's, `type`, `status` and `data` in the guide's
// order, without white space, and without the members of `data` that the record lacks. The bytes are a fixed point of
// JSON.stringify(JSON.parse(bytes)) and the same for the same record every time. Errors: ErrTooLarge.
func (r Record) Body(n webhook.TypeNaming) ([]byte, error) {
	return jsbytes.Marshal(bodyOf(n.BodyType(r.Event.Type), r.Status, r.data))
}

func bodyOf(t webhook.EventType, s webhook.Status, data []jsbytes.Member) jsbytes.Value {
	return jsbytes.Object(
		jsbytes.Member{Name: "type", Value: jsbytes.String(string(t))},
		jsbytes.Member{Name: "status", Value: jsbytes.String(s.Outcome())},
		jsbytes.Member{Name: "data", Value: jsbytes.Object(data...)},
	)
}
