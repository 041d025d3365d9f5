package local

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a program that we started and left running. Identity tells it from a later program with the same pid.
type Process struct {
	Name     string `json:"name"`
	PID      int    `json:"pid"`
	Identity string `json:"identity"`
	Port     int    `json:"port"`
}

// Start runs a program in a session of its own, with exactly the given environment and its output in a log file.
func Start(name string, port int, logFile string, env []string, dir, program string, args ...string) (Process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return Process{}, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Process{}, err
	}
	go func() { _ = cmd.Wait() }() // so that a program that dies at once is seen to be dead
	return Process{Name: name, PID: cmd.Process.Pid, Identity: identity(cmd.Process.Pid), Port: port}, nil
}

// Alive tells whether the very program that we started still runs.
func (p Process) Alive() bool {
	return p.PID > 0 && p.Identity != "" && identity(p.PID) == p.Identity
}

// Stop ends the program: SIGTERM, and after ten seconds SIGKILL to it and to what it started. It returns when the
// program is gone, and does nothing to another program that has its pid now.
func (p Process) Stop() error {
	if !p.Alive() {
		return nil
	}
	if err := syscall.Kill(p.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%s (pid %d): %w", p.Name, p.PID, err)
	}
	if waitGone(p, 10*time.Second) {
		return nil
	}
	if err := syscall.Kill(-p.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%s (pid %d): %w", p.Name, p.PID, err)
	}
	if !waitGone(p, 5*time.Second) {
		return fmt.Errorf("%s (pid %d) does not end", p.Name, p.PID)
	}
	return nil
}

func waitGone(p Process, most time.Duration) bool {
	return Await(most, 50*time.Millisecond, func() bool { return !p.Alive() })
}

// Await polls a condition until it holds or the time is over, and tells which.
func Await(most, every time.Duration, condition func() bool) bool {
	for end := time.Now().Add(most); ; time.Sleep(every) {
		if condition() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// identity is when a process started, in the system's own words; empty if there is no such process or it is a zombie.
func identity(pid int) string {
	if b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil {
		// The name in parentheses may hold spaces; the state is the first field after it, the start time the 20th.
		s := string(b)
		if f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:]); len(f) > 19 && f[0] != "Z" {
			return f[19]
		}
		return ""
	}
	out, err := exec.Command("ps", "-o", "state=,lstart=", "-p", strconv.Itoa(pid)).Output()
	state := strings.TrimSpace(string(out))
	if err != nil || strings.HasPrefix(state, "Z") {
		return ""
	}
	if _, started, ok := strings.Cut(state, " "); ok {
		return strings.TrimSpace(started)
	}
	return ""
}

// Running returns the processes that were started for a running copy and left running, by name.
func Running(d Dir) (map[string]Process, error) {
	running := map[string]Process{}
	err := ReadJSON(d.Processes(), &running)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return running, err
}

// Remember keeps a process for whoever ends the running copy. Call it at once after the start: the caller may end at
// any moment.
func Remember(d Dir, p Process) error {
	running, err := Running(d)
	if err != nil {
		return err
	}
	running[p.Name] = p
	return WriteJSON(d.Processes(), running)
}

// Forget is for a process that has ended.
func Forget(d Dir, name string) error {
	running, err := Running(d)
	if err != nil {
		return err
	}
	delete(running, name)
	return WriteJSON(d.Processes(), running)
}
