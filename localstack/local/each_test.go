package local

import (
	"io"
	"slices"
	"testing"
	"testing/synctest"
)

func TestEachIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		free, running := make(chan struct{}), make(chan int, 10)
		var failed []error
		done := make(chan struct{})
		go func() {
			defer close(done)
			failed = Each(slices.Repeat([]int{1}, 10), 4, func(x int) error {
				running <- x
				<-free
				return io.EOF
			})
		}()
		synctest.Wait()
		if len(running) != 4 {
			t.Errorf("%d at once, want 4", len(running))
		}
		close(free)
		<-done
		if len(running) != 10 || len(failed) != 10 {
			t.Errorf("%d were called, %d failed", len(running), len(failed))
		}
	})
}
