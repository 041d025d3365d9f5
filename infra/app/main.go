// Command app is the CDK app: one stage of the product, as a stack.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	defer jsii.Close()

	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false)})
	s, err := settingsFrom(contextOf(app))
	if err == nil {
		// The CDK's command line starts this in infra/.
		s.props.CodeDir, err = filepath.Abs(filepath.Join("..", ".build", s.binaries()))
	}
	if err == nil {
		err = s.props.Validate()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
		os.Exit(1)
	}
	newStack(app, s)
	app.Synth(nil)
}

// contextOf is what cdk.json, cdk.context.json, the user's ~/.cdk.json and the command line have given. A form that it does
// not know is a panic: an app without its context would be another one.
func contextOf(app awscdk.App) map[string]any {
	return app.Node().GetAllContext(nil).(map[string]any)
}
