package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// chromiumFile names the browser that the console's tests drive (localstack/browser); all running copies of a clone
// share it.
func chromiumFile(root string) string {
	return filepath.Join(root, "localstack", ".state", "chromium")
}

// browserDir holds a browser of Playwright's own.
func browserDir(root string) string {
	return filepath.Join(root, "localstack", ".state", "browser")
}

// installBrowser installs what drives a browser, looks for a Chromium that runs, and notes where it is. What the machine
// has comes first, then the distribution's package where we may install it, then Playwright's own.
func installBrowser(ctx context.Context, root string) error {
	driver := filepath.Join(root, "localstack", "browser")
	if err := installNode(ctx, driver); err != nil {
		return err
	}
	path, err := findBrowser(ctx, os.Getenv("CHROME"), browserCandidates(root))
	if err == nil && path == "" {
		if isDebian() && os.Geteuid() == 0 {
			err = installDebianChromium(ctx)
		} else {
			env := append(os.Environ(), "PLAYWRIGHT_BROWSERS_PATH="+browserDir(root))
			err = command(ctx, driver, env, "npx", "--no-install", "playwright-core", "install", "chromium-headless-shell")
		}
		if err == nil {
			path, err = findBrowser(ctx, "", browserCandidates(root))
		}
	}
	if err == nil && path == "" {
		err = errors.New("what was installed does not run")
	}
	if err != nil {
		return fmt.Errorf("no Chrome or Chromium runs here and none could be installed; install one, or name it: CHROME=<path>: %w", err)
	}
	return os.WriteFile(chromiumFile(root), []byte(path+"\n"), 0o600)
}

// browserCandidates are the names and paths under which a Chromium is usually found, Playwright's among them.
func browserCandidates(root string) []string {
	candidates := []string{
		"google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome",
		"/opt/google/chrome/chrome", "/usr/lib/chromium/chromium",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
	}
	for _, name := range []string{"chrome-headless-shell", "headless_shell"} {
		// The pattern is well formed.
		own, _ := filepath.Glob(filepath.Join(browserDir(root), "chromium_headless_shell-*", "*", name))
		candidates = append(candidates, own...)
	}
	return candidates
}

// findBrowser returns the path of the one that is named, which must run, or else of the first candidate that runs.
func findBrowser(ctx context.Context, named string, candidates []string) (string, error) {
	if named != "" {
		path, err := exec.LookPath(named)
		if err == nil {
			err = runBrowser(ctx, path)
		}
		return path, err
	}
	for _, c := range candidates {
		if path, err := exec.LookPath(c); err == nil && runBrowser(ctx, path) == nil {
			return path, nil
		}
	}
	return "", nil
}

// runBrowser has a browser write a page: one that lacks a library, or is a stub for another package, does not.
func runBrowser(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	profile, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(profile) }()
	args := []string{"--headless", "--disable-gpu", "--user-data-dir=" + profile}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium does not start as root with it
	}
	const text = "it runs"
	out, err := exec.CommandContext(ctx, path, append(args, "--dump-dom", "data:text/html,<p>"+text)...).Output()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if !strings.Contains(string(out), text) {
		return fmt.Errorf("%s does not show a page", path)
	}
	return nil
}

// isDebian leaves out Ubuntu, whose package of that name only leads to a snap.
func isDebian() bool {
	b, err := os.ReadFile("/etc/os-release")
	return err == nil && strings.Contains("\n"+string(b), "\nID=debian\n")
}

func installDebianChromium(ctx context.Context) error {
	env := append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	install := func() error {
		return command(ctx, "", env, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
	}
	if install() == nil {
		return nil
	}
	// The lists of packages are missing or too old.
	if err := command(ctx, "", env, "apt-get", "update", "-qq"); err != nil {
		return err
	}
	return install()
}
