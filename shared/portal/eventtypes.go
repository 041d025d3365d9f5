package portal

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// sentWhen says for each event type when it is sent: the design's table of section 2.1.
var sentWhen = map[webhook.EventType]string{
	webhook.Completed:             "A verification succeeded without a manual review.",
	webhook.FailedType:            "A verification failed without a manual review.",
	webhook.ExpiredType:           "A verification expired.",
	webhook.ManualReviewCompleted: "A manual review ended; the body's status says whether the verification succeeded.",
}

type sampleView struct {
	Guide    jsonObject `json:"guide" doc:"With typeNaming guide."`
	Detailed jsonObject `json:"detailed" doc:"With typeNaming detailed."`
}

type eventTypeView struct {
	Name     eventTypeName `json:"name"`
	SentWhen string        `json:"sentWhen"`
	Sample   sampleView    `json:"sample"`
}

type eventTypesOutput struct{ Body list[eventTypeView] }

func eventTypeRoutes(rs *routes) {
	out := &eventTypesOutput{}
	for _, t := range webhook.EventTypes() {
		out.Body.Items = append(out.Body.Items, eventTypeView{
			Name: eventTypeName(t), SentWhen: sentWhen[t],
			Sample: sampleView{
				Guide:    jsonObject(payload.Sample(t, webhook.GuideNaming)),
				Detailed: jsonObject(payload.Sample(t, webhook.DetailedNaming)),
			},
		})
	}
	register(rs, huma.Operation{
		OperationID: "listEventTypes", Method: http.MethodGet, Path: "/v1/event-types", Tags: []string{"events"},
		Summary: "List the event types", Description: "When each is sent, with sample bodies.",
	}, noBody, func(context.Context, *struct{}) (*eventTypesOutput, error) { return out, nil })
}
