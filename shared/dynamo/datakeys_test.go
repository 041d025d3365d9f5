package dynamo_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func TestDataKeys(t *testing.T) {
	x := newTables(t)
	s := x.store()
	ctx := context.Background()
	if _, _, _, err := s.CurrentDataKey(ctx); webhook.CodeOf(err) != webhook.NotFound {
		t.Fatalf("got %v, want not found", err)
	}
	if _, err := s.DataKey(ctx, "k0"); webhook.CodeOf(err) != webhook.NotFound {
		t.Fatalf("got %v, want not found", err)
	}
	replaces := ""
	for round := range 2 {
		const racers = 20
		var wg sync.WaitGroup
		errs := make([]error, racers)
		for n := range errs {
			wg.Go(func() {
				errs[n] = s.AddDataKey(ctx, fmt.Sprintf("k%d-%d", round, n), []byte{byte(n)}, at, replaces)
			})
		}
		wg.Wait()
		won := -1
		for n, err := range errs {
			switch webhook.CodeOf(err) {
			case "":
				if won >= 0 {
					t.Fatal("two keys became the current one")
				}
				won = n
			case webhook.Conflict:
			default:
				t.Fatal(err)
			}
		}
		id, wrapped, createdAt, err := s.CurrentDataKey(ctx)
		if err != nil || won < 0 || id != fmt.Sprintf("k%d-%d", round, won) || wrapped[0] != byte(won) || !createdAt.Equal(at) {
			t.Fatalf("current is %q %v %v, %v; %d won", id, wrapped, createdAt, err, won)
		}
		for n := range errs {
			wrapped, err := s.DataKey(ctx, fmt.Sprintf("k%d-%d", round, n))
			if (err == nil) != (n == won) || err == nil && wrapped[0] != byte(n) {
				t.Fatalf("key %d: %v, %v", n, wrapped, err)
			}
		}
		replaces = id
	}
	x.wire.lose = 1
	if err := s.AddDataKey(ctx, "last", []byte{1}, at, replaces); err != nil {
		t.Fatalf("after a lost answer: %v", err)
	}
}
