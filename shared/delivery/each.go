package delivery

import "sync"

// Each runs f(0) to f(n-1), at most limit of them at once, and returns when all have returned. Every concurrency in
// this package and in the portal goes through a function like it, so that a simulation can put its own in its place.
func Each(n, limit int, f func(i int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, limit)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	wg.Wait()
}
