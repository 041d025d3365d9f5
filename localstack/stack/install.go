package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// venvDir holds the Python environment of the emulator; all running copies of a clone share it.
func venvDir(root string) string { return filepath.Join(root, "localstack", ".state", "venv") }

// lintVenvDir holds that of the SAM command line and of cfn-lint.
func lintVenvDir(root string) string { return filepath.Join(root, "localstack", ".state", "venv-lint") }

// checkovVenvDir holds that of checkov.
func checkovVenvDir(root string) string {
	return filepath.Join(root, "localstack", ".state", "venv-checkov")
}

// openAPIVenvDir holds that of schemathesis.
func openAPIVenvDir(root string) string {
	return filepath.Join(root, "localstack", ".state", "venv-openapi")
}

// receiversVenvDir holds that of the receivers in Python.
func receiversVenvDir(root string) string {
	return filepath.Join(root, "localstack", ".state", "venv-receivers")
}

// install makes the named tools, each only if its pinned list has changed since the last time.
func install(ctx context.Context, root string, names ...string) error {
	for _, name := range names {
		var err error
		switch name {
		case "venv":
			err = installPython(ctx, venvDir(root), filepath.Join(root, "localstack", "requirements.txt"))
		case "lint":
			err = installPython(ctx, lintVenvDir(root), filepath.Join(root, "localstack", "requirements-lint.txt"))
		case "checkov":
			err = installPython(ctx, checkovVenvDir(root), filepath.Join(root, "localstack", "requirements-checkov.txt"))
		case "openapi":
			err = installPython(ctx, openAPIVenvDir(root), filepath.Join(root, "localstack", "requirements-openapi.txt"))
		case "infra":
			err = installNode(ctx, filepath.Join(root, "infra"))
		case "console":
			err = installNode(ctx, filepath.Join(root, "shared", "portal", "console"))
		case "receivers":
			err = installNode(ctx, filepath.Join(root, "localstack", "receivers"))
		case "receivers-venv":
			err = installPython(ctx, receiversVenvDir(root), filepath.Join(root, "localstack", "receivers", "requirements.txt"))
		case "browser":
			err = installBrowser(ctx, root)
		case "dynamodb-local":
			err = installDynamoDB(ctx, dynamoDBDir(root), filepath.Join(root, "localstack", "dynamodb-local.txt"))
		default:
			err = fmt.Errorf("unknown tool %q", name)
		}
		if err != nil {
			return fmt.Errorf("install %s: %w", name, err)
		}
	}
	return nil
}

// installPython makes a virtual environment from a list with hashes. The list is the whole closure, so pip resolves
// nothing (--no-deps).
func installPython(ctx context.Context, venv, requirements string) error {
	if upToDate(venv, requirements) {
		return nil
	}
	if err := os.RemoveAll(venv); err != nil {
		return err
	}
	if err := command(ctx, "", nil, "python3", "-m", "venv", venv); err != nil {
		return err
	}
	pip := []string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", requirements}
	if err := command(ctx, "", nil, filepath.Join(venv, "bin", "python"), pip...); err != nil {
		return err
	}
	return markInstalled(venv, requirements)
}

// installNode installs what a package-lock.json pins. No package's install script runs.
func installNode(ctx context.Context, dir string) error {
	modules, lock := filepath.Join(dir, "node_modules"), filepath.Join(dir, "package-lock.json")
	if upToDate(modules, lock) {
		return nil
	}
	err := command(ctx, dir, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	if err != nil {
		return err
	}
	return markInstalled(modules, lock)
}

const stamp = ".installed-from"

func upToDate(dir, list string) bool {
	have, err := os.ReadFile(filepath.Join(dir, stamp))
	if err != nil {
		return false
	}
	want, err := hashFiles(list)
	return err == nil && string(have) == want
}

func markInstalled(dir, list string) error {
	want, err := hashFiles(list)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, stamp), []byte(want), 0o600)
}

// hashFiles is one hash over the contents of files, in the order given.
func hashFiles(files ...string) (string, error) {
	sum := sha256.New()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		h := sha256.Sum256(b)
		sum.Write(h[:])
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// command runs a program and, if it fails, returns the end of what it printed. Nil env means our own.
func command(ctx context.Context, dir string, env []string, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		const most = 4000
		if len(out) > most {
			out = out[len(out)-most:]
		}
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// check says what would keep up from working: a missing tool, a taken port.
func check(ctx context.Context, o options) error {
	if err := checkTools(ctx); err != nil {
		return err
	}
	running, err := local.Running(o.state)
	if err != nil {
		return err
	}
	ports := map[string]int{"receiver": o.ports.Receiver()}
	if o.emulator == "" {
		ports["emulator"] = o.ports.Emulator()
	}
	for name, port := range ports {
		if p := running[name]; p.Alive() && p.Port == port {
			continue
		}
		if err := local.CheckFree(port, "the "+name); err != nil {
			return err
		}
	}
	return nil
}

// checkTools says which program is missing or too old, before anything starts.
func checkTools(ctx context.Context) error {
	for _, t := range []struct {
		name, ask    string
		major, minor int
	}{
		{"node", "process.stdout.write(process.versions.node)", 20, 10},
		{"python3", "import platform; print(platform.python_version())", 3, 11},
	} {
		flag := map[string]string{"node": "-e", "python3": "-c"}[t.name]
		out, err := exec.CommandContext(ctx, t.name, flag, t.ask).Output()
		if err != nil {
			return fmt.Errorf("%s is missing: install version %d.%d or later", t.name, t.major, t.minor)
		}
		have := strings.TrimSpace(string(out))
		if !atLeast(have, t.major, t.minor) {
			return fmt.Errorf("%s is version %s: install version %d.%d or later", t.name, have, t.major, t.minor)
		}
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return fmt.Errorf("npm is missing: it comes with Node")
	}
	return nil
}

func atLeast(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	a, errA := strconv.Atoi(parts[0])
	b, errB := strconv.Atoi(parts[1])
	return errA == nil && errB == nil && (a > major || a == major && b >= minor)
}
