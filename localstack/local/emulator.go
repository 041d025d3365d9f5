package local

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// EmulatorEnv is the whole environment of the emulator. It is clean because the functions inherit it.
// docker-compose.yml sets the same; a test holds them together.
func EmulatorEnv(d Dir, port int) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + string(d),
		"LANG=C.UTF-8",
		"TMPDIR=" + filepath.Join(string(d), "tmp"),
		"STATE_DIR=" + filepath.Join(string(d), "emulator"),
		"GATEWAY_PORT=" + strconv.Itoa(port),
		"BIND_HOST=127.0.0.1",
		// Its MQTT broker would listen on every interface.
		"IOT_MTLS_ENABLED=0",
		"AWS_ENDPOINT_URL=http://127.0.0.1:" + strconv.Itoa(port),
		"MINISTACK_REGION=" + Region,
	}
}

// StartEmulator starts MiniStack from a Python environment and waits until it is ready, at most a minute. More are variables
// of its environment beside, or instead of, the usual ones.
func StartEmulator(ctx context.Context, d Dir, venv string, port int, more ...string) (Process, error) {
	if err := CheckFree(port, "the emulator"); err != nil {
		return Process{}, err
	}
	for _, sub := range []string{"tmp", "emulator"} {
		if err := os.MkdirAll(filepath.Join(string(d), sub), 0o700); err != nil {
			return Process{}, err
		}
	}
	p, err := Start("emulator", port, d.File("emulator.log"), append(EmulatorEnv(d, port), more...), string(d), filepath.Join(venv, "bin", "ministack"))
	if err != nil {
		return Process{}, fmt.Errorf("start the emulator: %w", err)
	}
	ready := Await(time.Minute, 100*time.Millisecond, func() bool {
		return !p.Alive() || EmulatorReady(ctx, "http://127.0.0.1:"+strconv.Itoa(port))
	})
	if !ready || !p.Alive() {
		return p, fmt.Errorf("the emulator did not get ready; see %s", d.File("emulator.log"))
	}
	return p, nil
}

// Where the emulators answer 200 when they are ready.
const (
	miniStackReady  = "/_ministack/ready"
	localStackReady = "/_localstack/health"
)

// EmulatorReady tells whether an emulator answers there: MiniStack or LocalStack.
func EmulatorReady(ctx context.Context, endpoint string) bool {
	for _, path := range []string{miniStackReady, localStackReady} {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+path, nil)
		if err != nil {
			cancel()
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		cancel()
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return true
			}
		}
	}
	return false
}
