package local

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

func TestCAIsMadeOnceAndTrusted(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	if _, err := EnsureCA(d); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(d.File(CACertFile))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := EnsureCA(d)
	if err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(d.File(CACertFile))
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(again) || !ca.cert.IsCA {
		t.Error("the second call made another CA, or one that is none")
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(first)
	pair, err := tls.LoadX509KeyPair(d.File(CertFile), d.File(CertKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "127.0.0.1"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "example.com"}); err == nil {
		t.Error("the certificate is good for any name")
	}
}

func TestStopEndsTheProgramAndWhatItStarted(t *testing.T) {
	t.Parallel()
	d := t.TempDir()
	// The child is not told of SIGTERM, so it outlives the program unless its session is ended.
	p, err := Start("sleepers", 0, d+"/log", os.Environ(), d, "sh", "-c", "sleep 300 & echo $!; exec sleep 300")
	if err != nil {
		t.Fatal(err)
	}
	if !p.Alive() {
		t.Fatal("it does not run")
	}
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		if !Await(5*time.Second, 10*time.Millisecond, func() bool { return len(session(p.PID, false)) == 2 }) {
			t.Fatalf("its session is %v, want two processes", session(p.PID, false))
		}
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if left := session(p.PID, false); p.Alive() || len(left) > 0 {
		t.Errorf("it is alive: %v; left of its session: %v", p.Alive(), left)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

func TestStopSparesAnotherProgram(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sleep", "300")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	other := Process{Name: "old", PID: cmd.Process.Pid, Identity: "an earlier start"}
	if err := other.Stop(); err != nil {
		t.Fatal(err)
	}
	if identity(cmd.Process.Pid) == "" {
		t.Error("it ended a program that only has the same pid")
	}
}

func TestCheckFreeNamesThePort(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckFree(n, "the test"); err == nil {
		t.Error("a taken port counts as free")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := CheckFree(n, "the test"); err != nil {
		t.Error(err)
	}
}

func TestPortsStayInTheirRange(t *testing.T) {
	for value, ok := range map[string]bool{"": true, "4600": true, "80": false, "65500": false, "x": false} {
		t.Setenv("PORT_BASE", value)
		if p, err := PortsFromEnv(); (err == nil) != ok {
			t.Errorf("PORT_BASE=%q: %+v, %v", value, p, err)
		}
	}
	p := Ports{4500}
	seen := map[int]bool{}
	for _, port := range []int{p.Emulator(), p.Receiver(), p.Control(), p.Receiver4(), p.Control4(), p.DynamoDB(), p.Test(0), p.Test(39)} {
		if port < 4500 || port > 4549 || seen[port] {
			t.Errorf("port %d is outside 4500..4549 or used twice", port)
		}
		seen[port] = true
	}
}
