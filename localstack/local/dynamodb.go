package local

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

// StartDynamoDB starts DynamoDB Local from the folder it was unpacked into and waits until it answers, at most a minute.
// It keeps everything in memory, and listens on every interface: it has no option for less.
func StartDynamoDB(ctx context.Context, d Dir, folder string, port int) (Process, error) {
	const name = "dynamodb-local"
	if err := CheckFree(port, "DynamoDB Local"); err != nil {
		return Process{}, err
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + string(d), "JAVA_HOME=" + os.Getenv("JAVA_HOME")}
	p, err := Start(name, port, d.File(name+".log"), env, folder, "java", "-Xmx512m", "-XX:-UsePerfData",
		"-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar",
		"-inMemory", "-sharedDb", "-disableTelemetry", "-port", strconv.Itoa(port))
	if err != nil {
		return p, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	ready := Await(time.Minute, 100*time.Millisecond, func() bool {
		return !p.Alive() || answers(ctx, "http://127.0.0.1:"+strconv.Itoa(port))
	})
	if !ready || !p.Alive() {
		return p, fmt.Errorf("DynamoDB Local did not start; see %s", d.File(name+".log"))
	}
	return p, nil
}

// answers tells whether an HTTP server answers there, whatever it says.
func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil
}
