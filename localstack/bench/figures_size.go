package main

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

const (
	// initStarts is how often the dispatcher is started for its median, otherStarts the other functions for the table.
	initStarts  = 20
	otherStarts = 5
	mib         = 1 << 20
)

// initTimes starts a function some times and returns how many milliseconds pass until it polls.
func (w *world) initTimes(ctx context.Context, name string, times int) ([]float64, error) {
	return repeat(times, func() (float64, error) {
		f, err := w.function(ctx, name)
		if err != nil {
			return 0, err
		}
		defer f.stop()
		return ms(f.init), nil
	})
}

func measureInit(ctx context.Context, b *bench) ([]row, error) {
	w, err := b.newWorld(stubLatency)
	if err != nil {
		return nil, err
	}
	defer w.close()
	all, err := w.initTimes(ctx, "dispatcher", initStarts)
	if err != nil {
		return nil, err
	}
	if err := b.printFunctions(ctx, w, percentile(all, 50)); err != nil {
		return nil, err
	}
	return []row{newRow(initTime, "", percentile(all, 50), "ms", atMost(40),
		"p50 of %d starts, from %.0f to %.0f; Lambda adds the environment's own start", initStarts, slices.Min(all), slices.Max(all))}, nil
}

// sizes are those of the build for Lambda, in MiB.
func (b *bench) sizes(name string) (plain, zipped float64, err error) {
	f, err := os.Open(b.lambdaBinary(name))
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }()
	var out byteCount
	z := zip.NewWriter(&out)
	entry, err := z.Create("bootstrap")
	if err != nil {
		return 0, 0, err
	}
	n, err := io.Copy(entry, f)
	if err == nil {
		err = z.Close()
	}
	return float64(n) / mib, float64(out) / mib, err
}

type byteCount int64

func (c *byteCount) Write(p []byte) (int, error) {
	*c += byteCount(len(p))
	return len(p), nil
}

func measureBinary(_ context.Context, b *bench) ([]row, error) {
	plain, zipped, err := b.sizes("dispatcher")
	if err != nil {
		return nil, err
	}
	return []row{newRow(binarySize, "", zipped, "MiB", atMost(6), "arm64, as deployed, deflated; %.1f MiB unpacked", plain)}, nil
}

// The event of rss_mib. A partner may have 50 webhooks: the store is given more.
const (
	fanOut     = 100
	answerSize = mib
	largeBody  = 100 << 10
)

func measureMemory(ctx context.Context, b *bench) ([]row, error) {
	peaks, err := repeat(runs, func() (float64, error) { return b.memoryPeak(ctx) })
	if err != nil {
		return nil, err
	}
	return []row{newRow(peakMemory, "", median(peaks), "MiB", atMost(64),
		"VmHWM after the event; body of %d bytes that compresses to three quarters", largeBody)}, nil
}

func (b *bench) memoryPeak(ctx context.Context) (float64, error) {
	w, err := b.newWorld(stubLatency)
	if err != nil {
		return 0, err
	}
	defer w.close()
	partner, hooks, err := w.partner(ctx, fanOut, func(i int) string {
		return b.receiver.url(i, fmt.Sprintf("verify=1&size=%d", answerSize))
	})
	if err != nil {
		return 0, err
	}
	f, err := w.function(ctx, "dispatcher")
	if err != nil {
		return 0, err
	}
	defer f.stop()
	if _, err := b.receiver.arrivals(ctx); err != nil {
		return 0, err
	}
	if _, err := f.invoke(ctx, streamEvent(largeRecord(partner)), functionTimeout); err != nil {
		return 0, err
	}
	got, err := b.receiver.arrivals(ctx)
	if err != nil {
		return 0, err
	}
	delivered, err := w.delivered(ctx, hooks)
	if err != nil {
		return 0, err
	}
	if got.Posts != fanOut || delivered != fanOut {
		return 0, fmt.Errorf("%d posts, %d delivered of %d", got.Posts, delivered, fanOut)
	}
	peak, err := f.peak()
	return float64(peak) / mib, err
}

// largeRecord is one whose default body has the most bytes that there may be.
func largeRecord(partner string) []byte {
	const member = `,"proof":""`
	return newMaker(6).recordOf(partner, time.Now(), newMaker(7).noise(largeBody-bodySize-len(member)))
}
