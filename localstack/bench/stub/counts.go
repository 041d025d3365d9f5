package stub

import (
	"maps"
	"sync"
)

// Counts is what was asked of the services.
type Counts struct {
	// Calls are requests by service and action: "DynamoDB.PutItem", "SQS.SendMessageBatch", "KMS.Decrypt", "S3.GetObject",
	// "EventBridge.PutEvents". Refused ones count.
	Calls map[string]int
	// Writes are the writes of DynamoDB's items that were asked for: a TransactWriteItems of three counts three.
	Writes int
	// Items are those of Writes that changed something, Messages what queues took.
	Items, Messages int
	// WCU and RCU are capacity units by "table" and "table/index".
	WCU, RCU map[string]float64
	// Bytes are the bodies' of requests and answers, Sent those of the requests alone.
	Bytes, Sent int64
}

// Add adds what was asked at another time.
func (c *Counts) Add(o Counts) {
	if c.Calls == nil {
		c.Calls, c.WCU, c.RCU = map[string]int{}, map[string]float64{}, map[string]float64{}
	}
	for name, n := range o.Calls {
		c.Calls[name] += n
	}
	for name, n := range o.WCU {
		c.WCU[name] += n
	}
	for name, n := range o.RCU {
		c.RCU[name] += n
	}
	c.Writes, c.Items, c.Messages = c.Writes+o.Writes, c.Items+o.Items, c.Messages+o.Messages
	c.Bytes, c.Sent = c.Bytes+o.Bytes, c.Sent+o.Sent
}

// counter is Counts for many at once.
type counter struct {
	mu sync.Mutex
	c  Counts
}

func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c = Counts{Calls: map[string]int{}, WCU: map[string]float64{}, RCU: map[string]float64{}}
}

func (c *counter) counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.c
	n.Calls, n.WCU, n.RCU = maps.Clone(n.Calls), maps.Clone(n.WCU), maps.Clone(n.RCU)
	return n
}

func (c *counter) call(name string, request, answer int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Calls[name]++
	c.c.Bytes += int64(request + answer)
	c.c.Sent += int64(request)
}

// charge is capacity of a table or an index.
type charge struct {
	name  string
	units float64
}

// wrote counts one write; done tells whether it changed something.
func (c *counter) wrote(charges []charge, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Writes++
	if done {
		c.c.Items++
	}
	for _, x := range charges {
		c.c.WCU[x.name] += x.units
	}
}

func (c *counter) read(name string, units float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.RCU[name] += units
}

func (c *counter) sent(messages int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Messages += messages
}

const (
	writeUnit = 1 << 10
	readUnit  = 4 << 10
)

// units is how many units of some bytes a size takes, at least one.
func units(size, unit int) float64 { return float64(max((size+unit-1)/unit, 1)) }

// readUnits is what reading some bytes costs.
func readUnits(size int, consistent bool) float64 {
	if consistent {
		return units(size, readUnit)
	}
	return units(size, readUnit) / 2
}
