package egress

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// waysOut are the names by which Go code reaches another machine, or weakens how it does.
var waysOut = map[string]string{
	"net/http":          "Client Transport DefaultClient DefaultTransport Get Head Post PostForm ProxyFromEnvironment",
	"net":               "Dial DialTimeout DialTCP DialUDP DialIP DialUnix Dialer LookupHost LookupIP LookupAddr",
	"crypto/tls":        "Dial DialWithDialer Dialer Client",
	"net/http/httputil": "ReverseProxy NewSingleHostReverseProxy ClientConn NewClientConn",
	"net/smtp":          "Dial SendMail", "net/rpc": "Dial DialHTTP", "os/exec": "Command CommandContext",
}

// TestOnlyWayOut: no other package can make a request to a partner, and none turns verification off.
func TestOnlyWayOut(t *testing.T) {
	allowed := map[string]bool{ // and whether it was seen
		"shared/egress/dial.go net.Dialer": false, "shared/egress/dial.go tls.Client": false,
		// For AWS.
		"shared/awscfg/awscfg.go net.Dialer": false, "shared/awscfg/awscfg.go http.Transport": false,
		"shared/awscfg/client.go net.Dialer": false, "shared/awscfg/client.go tls.Client": false,
		// No part of a binary (shared/imports_test.go).
		"shared/storetest/transport.go http.Transport": false,
	}
	files := 0
	for _, root := range []string{"..", "../../functions"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files++
			name := strings.TrimPrefix(filepath.ToSlash(filepath.Join("shared/egress", path)), "../")
			for _, use := range wayOut(t, path) {
				if _, ok := allowed[name+" "+use]; !ok {
					t.Errorf("%s uses %s: only egress may leave for partners", name, use)
				}
				allowed[name+" "+use] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for use, seen := range allowed {
		if !seen {
			t.Errorf("%s is not used: the test does not see what it looks for", use)
		}
	}
	if files < 50 {
		t.Errorf("only %d files were seen", files)
	}
}

// wayOut lists what a file uses of waysOut.
func wayOut(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	forbidden := map[string]string{}
	for _, i := range file.Imports {
		imported := strings.Trim(i.Path.Value, `"`)
		local := imported[strings.LastIndexByte(imported, '/')+1:]
		if i.Name != nil {
			local = i.Name.Name
		}
		if names, ok := waysOut[imported]; ok {
			forbidden[local] = names
		}
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if p, ok := n.X.(*ast.Ident); ok {
				for _, name := range strings.Fields(forbidden[p.Name]) {
					if name == n.Sel.Name {
						found = append(found, p.Name+"."+name)
					}
				}
			}
		case *ast.Ident:
			if n.Name == "InsecureSkipVerify" || n.Name == "VerifyPeerCertificate" || n.Name == "VerifyConnection" {
				found = append(found, n.Name)
			}
		}
		return true
	})
	return found
}
