package delivery

import "sync"

// Group runs functions concurrently, at most so many at once as it was made for. Every concurrency in this package and
// in the portal goes through one, so that a simulation can put its own in its place.
type Group interface {
	// Go runs f as soon as there is room. Functions of the group may call it as well. It does not wait.
	Go(f func())
	// Wait returns when all functions have returned. Only whoever made the group calls it, once.
	Wait()
}

// NewGroup makes a Group of goroutines.
func NewGroup(limit int) Group { return &group{slots: make(chan struct{}, limit)} }

type group struct {
	wg    sync.WaitGroup
	slots chan struct{}
}

func (g *group) Go(f func()) {
	g.wg.Go(func() {
		g.slots <- struct{}{}
		defer func() { <-g.slots }()
		f()
	})
}

func (g *group) Wait() { g.wg.Wait() }

// Each runs f(0) to f(n-1), at most limit of them at once, and returns when all have returned.
func Each(n, limit int, f func(i int)) { EachIn(NewGroup(limit), n, f) }

// EachIn is Each in a group that was made for it.
func EachIn(g Group, n int, f func(i int)) {
	for i := range n {
		g.Go(func() { f(i) })
	}
	g.Wait()
}
