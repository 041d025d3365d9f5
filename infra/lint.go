package infra

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// unchecked leaves a resource out of rules of checkov, each for a reason. They stand in the template's metadata, where
// checkov and a reviewer find them beside the resource.
func unchecked(c constructs.Construct, reasons map[string]string) {
	var skip []map[string]string
	for _, rule := range slices.Sorted(maps.Keys(reasons)) {
		skip = append(skip, map[string]string{"id": rule, "comment": reasons[rule]})
	}
	c.Node().DefaultChild().(awscdk.CfnResource).AddMetadata(jsii.String("checkov"), map[string]any{"skip": skip})
}
