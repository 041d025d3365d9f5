package portal

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// routes collects operations: their handlers in mux, their documentation in the OpenAPI document.
type routes struct {
	api    huma.API
	mux    *http.ServeMux
	bodies map[string]bodyRule
	// security is what the operations' documentation requires.
	security []map[string][]string
	// errors are the failures that every operation may answer.
	errors []int
}

// humaOnce guards huma's settings, which are package variables.
var humaOnce sync.Once

func newRoutes(title, version, description string) *routes {
	humaOnce.Do(useProblems)
	c := huma.DefaultConfig(title, version)
	c.Info.Description = description
	// The document is served by us; its pages would load scripts from elsewhere; its hooks add links made from the Host
	// header.
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.RejectUnknownQueryParameters = true
	c.Formats = map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}
	c.Transformers = []huma.Transformer{noteProblem}
	mux := http.NewServeMux()
	return &routes{api: humago.New(mux, c), mux: mux, bodies: map[string]bodyRule{}}
}

// noteProblem tells the log of a failure that huma found.
func noteProblem(ctx huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*Problem); ok {
		callFrom(ctx.Context()).code = p.Code
	}
	return v, nil
}

// register adds an operation. Its errors become problems here, all by problemOf.
func register[I, O any](rs *routes, op huma.Operation, body bodyRule, h func(context.Context, *I) (*O, error)) {
	op.Security = rs.security
	op.Errors = slices.Concat(op.Errors, rs.errors)
	if body != noBody {
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	slices.Sort(op.Errors)
	op.Errors = slices.Compact(op.Errors)
	// The front refuses a larger body; huma refuses one of exactly its limit.
	op.MaxBodyBytes = MaxBody + 1
	op.OperationID = operationID(op.Method, op.Path, op.OperationID)
	huma.Register(rs.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			callFrom(ctx).fail(err)
			return nil, problemOf(err)
		}
		return out, nil
	})
	rs.bodies[op.Method+" "+op.Path] = body
	if body == patchBody {
		content := rs.api.OpenAPI().Paths[op.Path].Patch.RequestBody.Content
		content["application/json"] = content["application/merge-patch+json"]
	}
}

// operationID is the given one; it only guards against an operation that has none.
func operationID(method, path, id string) string {
	if id == "" || strings.Contains(id, " ") {
		panic("portal: operation without an id: " + method + " " + path)
	}
	return id
}
