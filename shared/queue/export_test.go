package queue

// Gathered returns how many messages wait for their batch.
func (q *Queue) Gathered() int {
	q.gather.mu.Lock()
	defer q.gather.mu.Unlock()
	return len(q.gather.waiting)
}
