package local

import (
	"fmt"
	"net"
	"os"
	"strconv"
)

// Ports are those of one running copy: all lie in Base..Base+49. The tests' copy starts 50 above.
type Ports struct{ Base int }

// PortsFromEnv reads PORT_BASE, 4500 if it is not set.
func PortsFromEnv() (Ports, error) {
	v := os.Getenv("PORT_BASE")
	if v == "" {
		return Ports{4500}, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1024 || n > 65535-99 {
		return Ports{}, fmt.Errorf("PORT_BASE: want a number from 1024 to %d, have %q", 65535-99, v)
	}
	return Ports{n}, nil
}

// Emulator is the emulator's port.
func (p Ports) Emulator() int { return p.Base }

// Receiver is the demo receiver's port (https).
func (p Ports) Receiver() int { return p.Base + 1 }

// Control is the demo receiver's control port (http).
func (p Ports) Control() int { return p.Base + 2 }

// Receiver4 is the port of the Express 4 receiver, which only the tests start.
func (p Ports) Receiver4() int { return p.Base + 3 }

// Control4 is the control port of the Express 4 receiver.
func (p Ports) Control4() int { return p.Base + 4 }

// DynamoDB is the port of DynamoDB Local, which only the tests start.
func (p Ports) DynamoDB() int { return p.Base + 5 }

// Endpoint is the port of the functions' own AWS endpoint (https), where IAM is enforced.
func (p Ports) Endpoint() int { return p.Base + 6 }

// Test is the i-th port for servers that a test makes for itself, 0 to 39.
func (p Ports) Test(i int) int { return p.Base + 10 + i }

// CheckFree returns an error that says what to do if something else listens on a port.
func CheckFree(port int, use string) error {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fmt.Errorf("port %d (%s) is taken by another program; end it, or choose other ports: PORT_BASE=<first of 100 free ports>", port, use)
	}
	return l.Close()
}
