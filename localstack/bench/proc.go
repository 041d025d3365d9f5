package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// proc is a program that the bench started. Its CPU and memory are its own, whatever else the machine does.
type proc struct {
	cmd     *exec.Cmd
	started time.Time
	stdin   io.Closer
}

// startProc runs a program with exactly the given environment. It ends with ctx, and a program that watches its
// standard input sees it end with the bench.
func startProc(ctx context.Context, env []string, stdout, stderr io.Writer, path string, args ...string) (*proc, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, stdout, stderr
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p := &proc{cmd: cmd, stdin: stdin, started: time.Now()}
	return p, cmd.Start()
}

// stop ends the program and waits for it.
func (p *proc) stop() {
	_ = p.stdin.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// ticks is how many there are in a second: the unit of /proc/<pid>/stat on every Linux.
const ticks = 100

// cpu is what the running program has used so far, in user and system mode, to 10 ms.
func (p *proc) cpu() (time.Duration, error) {
	b, err := os.ReadFile(p.file("stat"))
	if err != nil {
		return 0, err
	}
	// The name before the last bracket may hold spaces. After it come the state and 10 more fields, then the times.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	var sum int64
	for _, i := range []int{11, 12} {
		if len(f) <= i {
			return 0, fmt.Errorf("%s has %d fields", p.file("stat"), len(f))
		}
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, nil
}

// peak is the most memory that the program ever held, in bytes (VmHWM).
func (p *proc) peak() (int64, error) {
	b, err := os.ReadFile(p.file("status"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	f := strings.Fields(rest)
	if len(f) < 2 || f[1] != "kB" {
		return 0, fmt.Errorf("%s has no VmHWM", p.file("status"))
	}
	kb, err := strconv.ParseInt(f[0], 10, 64)
	return kb << 10, err
}

func (p *proc) file(name string) string {
	return filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), name)
}

// ownCPU is what this process has used so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// childJSON runs a subcommand of this program to its end and reads the JSON that it prints. in, encoded, is its first
// argument.
func childJSON(ctx context.Context, env []string, name string, in, out any) error {
	arg, err := json.Marshal(in)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var stdout, stderr bytes.Buffer
	p, err := startProc(ctx, env, &stdout, &stderr, self, name, string(arg))
	if err != nil {
		return err
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, tail(stderr.String()))
	}
	return json.Unmarshal(stdout.Bytes(), out)
}

// tail is the end of a program's complaints.
func tail(s string) string {
	const most = 600
	s = strings.TrimSpace(s)
	return s[max(0, len(s)-most):]
}
