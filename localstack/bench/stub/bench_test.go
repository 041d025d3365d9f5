package stub_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
)

// usual is a PutItem of a claimed delivery as the product sends it; %d makes it another one.
const usual = `{"TableName":"deliveries","Item":{"pk":{"S":"prt_01k6yb3v9qj5w8m2n4c7x0s1td#whk_01k6yb3v9qj5w8m2n4c7x0s1td"},` +
	`"sk":{"S":"D#dlv_%026d"},"v":{"N":"1"},"w":{"S":"01k6yb3v9qj5w8m2n4c7x0s1td"},"rev":{"N":"1"},` +
	`"vpk":{"S":"prt_01k6yb3v9qj5w8m2n4c7x0s1td#whk_01k6yb3v9qj5w8m2n4c7x0s1td#ver_%[1]d"},"dpk":{"S":"1"},"due":{"N":"1790000000000"},` +
	`"st":{"S":"pending"},"et":{"S":"verification.completed"},"ei":{"S":"evt_01k6yb3v9qj5w8m2n4c7x0s1td"},"oc":{"N":"1790000000000000000"},` +
	`"sq":{"S":"12345678901234567890"},"b":{"B":"%s"},"ca":{"N":"1790000000000000000"},"ua":{"N":"1790000000000000000"},"g":{"N":"1"},` +
	`"c":{"M":{"n":{"N":"1"},"o":{"S":"01k6yb3v9qj5w8m2n4c7x0s1td"},"u":{"N":"1790000000000000000"},"s":{"N":"1790000000000000000"}}},` +
	`"da":{"N":"1790000000000000000"}},"ConditionExpression":"attribute_not_exists(#pk)","ExpressionAttributeNames":{"#pk":"pk"},` +
	`"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`

// BenchmarkPutItem takes the processor's time of a PutItem, HTTP and a client of the barest kind included.
func BenchmarkPutItem(b *testing.B) {
	for _, latency := range []time.Duration{0, 3 * time.Millisecond} {
		b.Run(latency.String(), func(b *testing.B) {
			s := stub.New(stub.Options{Latency: latency})
			s.CreateTable(deliveriesTable, indexes()...)
			server := httptest.NewServer(s)
			defer server.Close()
			began := processor(b)
			const connections = 20
			var clients sync.WaitGroup
			for first := range connections {
				clients.Go(func() { puts(b, server.Listener.Addr().String(), first, connections) })
			}
			clients.Wait()
			b.ReportMetric(float64((processor(b)-began).Microseconds())/float64(b.N), "cpu-us/op")
			if c := s.Counts(); c.Items != b.N {
				b.Errorf("%d items were written, want %d", c.Items, b.N)
			}
		})
	}
}

// puts puts every step-th item from first over one connection.
func puts(b *testing.B, address string, first, step int) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Error(err)
		return
	}
	defer func() { _ = c.Close() }()
	answer := bufio.NewReader(c)
	for i := first; i < b.N; i += step {
		body := fmt.Sprintf(usual, i, strings.Repeat("QUJD", 120))
		_, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: stub\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\n"+
			"Content-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		for line := ""; err == nil && line != "\r\n"; {
			line, err = answer.ReadString('\n')
		}
		if _, err2 := io.CopyN(io.Discard, answer, int64(len("{}"))); err != nil || err2 != nil {
			b.Error(err, err2)
			return
		}
	}
}

// processor is the time of the processor that this process has taken.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
