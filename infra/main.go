// Command infra is the CDK app: it defines everything that runs in AWS, for one stage at a time.
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
	s, err := settingsFrom(func(key string) any { return app.Node().TryGetContext(jsii.String(key)) })
	if err == nil {
		s.BuildDir, err = filepath.Abs(filepath.Join("..", ".build"))
	}
	if err == nil {
		err = checkBinaries(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
		os.Exit(1)
	}
	newStack(app, s)
	app.Synth(nil)
}
