package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// DeadLetters are the messages that the delivery queue gave up on. They hold ids only, so that putting one back late,
// twice or beside the sweeper's own does no harm.
type DeadLetters interface {
	// Redrive puts at most that many messages back on the delivery queue and starts no further step once the time is
	// over. moved counts those that are no longer here; with an error there may be some that are in both queues.
	// Code: Unavailable.
	Redrive(ctx context.Context, most int, during time.Duration) (moved int, err error)
	// Count returns about how many messages there are.
	Count(ctx context.Context) (int, error)
}

const (
	// defaultMoved is how many dead letters one request puts back if it does not say.
	defaultMoved = 1000
	// moveFor is how long one request goes on putting dead letters back; the gateway waits 29 s.
	moveFor = 20 * time.Second
)

func (a *admin) deadLetterRoutes(rs *routes) {
	register(rs, huma.Operation{
		OperationID: "countDeadLetters", Method: http.MethodGet, Path: "/admin/dead-letters",
	}, noBody, a.countDeadLetters)
	register(rs, huma.Operation{
		OperationID: "redriveDeadLetters", Method: http.MethodPost, Path: "/admin/dead-letters/redrive",
	}, optionalBody, a.redriveDeadLetters)
}

type deadLettersOutput struct {
	Body struct {
		Left int `json:"left" doc:"About how many messages there are."`
	} `nameHint:"DeadLetters"`
}

func (a *admin) countDeadLetters(ctx context.Context, _ *struct{}) (*deadLettersOutput, error) {
	out := &deadLettersOutput{}
	var err error
	out.Body.Left, err = a.cfg.DeadLetters.Count(ctx)
	return out, err
}

type redriveDeadLettersInput struct {
	Body *struct {
		Max int `json:"max,omitempty" minimum:"1" maximum:"10000" doc:"How many to put back at most; 1000 if left out."`
	} `nameHint:"RedriveDeadLettersBody"`
}

type redriveDeadLettersOutput struct {
	Body struct {
		Moved int `json:"moved" doc:"How many messages were put back on the delivery queue."`
		Left  int `json:"left" doc:"About how many are left: call again until it is 0."`
	} `nameHint:"RedrivenDeadLetters"`
}

func (a *admin) redriveDeadLetters(ctx context.Context, in *redriveDeadLettersInput) (*redriveDeadLettersOutput, error) {
	most := defaultMoved
	if in.Body != nil && in.Body.Max > 0 {
		most = in.Body.Max
	}
	out := &redriveDeadLettersOutput{}
	var err error
	if out.Body.Moved, err = a.cfg.DeadLetters.Redrive(ctx, most, moveFor); err != nil {
		return nil, err
	}
	out.Body.Left, err = a.cfg.DeadLetters.Count(ctx)
	return out, err
}
