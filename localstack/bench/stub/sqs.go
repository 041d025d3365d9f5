package stub

type queue struct{}
type keys struct{}
type buckets struct{}
