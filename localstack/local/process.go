package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// Stop ends the program and what it started: SIGTERM to the program, after ten seconds SIGKILL, and SIGKILL to
// what is left of its session two seconds later. It returns when all are gone, and does nothing to another program that
// has its pid now.
func (p Process) Stop() error {
	if !p.Alive() {
		return nil
	}
	if err := syscall.Kill(p.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%s (pid %d): %w", p.Name, p.PID, err)
	}
	const poll = 50 * time.Millisecond
	dead := func() bool { return !p.Alive() }
	gone := func() bool { return dead() && len(session(p.PID, false)) == 0 }
	if !Await(10*time.Second, poll, dead) || !Await(2*time.Second, poll, gone) {
		for _, pid := range append(session(p.PID, false), p.PID) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("%s (pid %d): %w", p.Name, pid, err)
			}
		}
		if !Await(5*time.Second, poll, gone) {
			return fmt.Errorf("%s (pid %d) does not end", p.Name, p.PID)
		}
	}
	// The ended ones stay in the process table until init has looked at them; some take a second or two over it.
	Await(5*time.Second, poll, func() bool { return len(session(p.PID, true)) == 0 })
	return nil
}

// session lists the processes whose session a program leads, where /proc tells; the ended ones too if asked for.
func session(leader int, ended bool) (pids []int) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	for _, file := range stats {
		f := statFields(file)
		if len(f) < 4 || f[3] != strconv.Itoa(leader) || (f[0] == "Z" && !ended) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// statFields are the fields of /proc/<pid>/stat after the name, which may hold spaces: state, parent, group, session,
// and the start time at index 19.
func statFields(file string) []string {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
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
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		if f := statFields("/proc/" + strconv.Itoa(pid) + "/stat"); len(f) > 19 && f[0] != "Z" {
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
	err := ReadJSON(d.File(ProcessesFile), &running)
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
	return WriteJSON(d.File(ProcessesFile), running)
}

// Forget is for a process that has ended.
func Forget(d Dir, name string) error {
	running, err := Running(d)
	if err != nil {
		return err
	}
	delete(running, name)
	return WriteJSON(d.File(ProcessesFile), running)
}
