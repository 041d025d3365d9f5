package jsbytes_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// oracle is a Node process that tells what JavaScript makes of documents (testdata/oracle.js).
type oracle struct {
	in  *bufio.Writer
	out *bufio.Reader
}

// startOracle starts one that ends with the test.
func startOracle(tb testing.TB) *oracle {
	tb.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		tb.Fatalf("this test needs Node.js: %v", err)
	}
	cmd := exec.Command(node, filepath.Join("testdata", "oracle.js"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &oracle{bufio.NewWriterSize(in, 1<<16), bufio.NewReaderSize(out, 1<<16)}
}

func (o *oracle) send(letter byte, text []byte) error {
	var head [5]byte
	head[0] = letter
	binary.LittleEndian.PutUint32(head[1:], uint32(len(text)))
	if _, err := o.in.Write(head[:]); err != nil {
		return err
	}
	_, err := o.in.Write(text)
	return err
}

// answer reads the next answer; text is nil where the letter says it all.
func (o *oracle) answer() (letter byte, text []byte, err error) {
	if letter, err = o.out.ReadByte(); err != nil || letter == 's' || letter == 'r' {
		return letter, nil, err
	}
	var length [4]byte
	if _, err = io.ReadFull(o.out, length[:]); err != nil {
		return letter, nil, err
	}
	text = make([]byte, binary.LittleEndian.Uint32(length[:]))
	_, err = io.ReadFull(o.out, text)
	return letter, text, err
}

// ask sends one request and waits for its answer.
func (o *oracle) ask(tb testing.TB, letter byte, text []byte) (byte, []byte) {
	tb.Helper()
	if err := o.send(letter, text); err != nil {
		tb.Fatal(err)
	}
	if err := o.in.Flush(); err != nil {
		tb.Fatal(err)
	}
	got, answer, err := o.answer()
	if err != nil {
		tb.Fatal(err)
	}
	return got, answer
}

// stream sends the numbered requests and gives each answer to check while more are made; it holds only what the pipes
// hold. check returns what is wrong, or "". After five faults it gives up.
func (o *oracle) stream(t *testing.T, letter byte, count int, request func(number uint64) []byte, check func(number uint64, letter byte, text []byte) string) {
	t.Helper()
	sent := func() error {
		for i := range count {
			if err := o.send(letter, request(uint64(i))); err != nil {
				return err
			}
		}
		return o.in.Flush()
	}
	done := make(chan error, 1)
	go func() { done <- sent() }()
	faults := 0
	for i := range count {
		got, text, err := o.answer()
		if err != nil {
			t.Fatalf("after %d of %d answers: %v", i, count, err)
		}
		fault := check(uint64(i), got, text)
		if fault == "" {
			continue
		}
		t.Errorf("document %d of JSBYTES_SEED=%d: %s", i, seed(t), fault)
		if faults++; faults == 5 {
			t.FailNow()
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// seed is the same in every run unless JSBYTES_SEED is set, so that a failure repeats.
func seed(t *testing.T) uint64 {
	t.Helper()
	return uint64(variable(t, "JSBYTES_SEED", 1))
}

// documents is how many documents a test compares: usual, fewer with -short, or JSBYTES_DOCUMENTS.
func documents(t *testing.T, usual int) int {
	t.Helper()
	if testing.Short() {
		usual /= 20
	}
	return variable(t, "JSBYTES_DOCUMENTS", usual)
}

func variable(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, want a number", name, text)
	}
	return n
}
