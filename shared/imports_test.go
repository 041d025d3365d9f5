// Package shared_test holds the rules between the packages: who may import whom, and why.
package shared_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cr3dentials/verification-webhooks/"

// The modules that rules name.
const (
	awsSDK    = "github.com/aws/aws-sdk-go-v2"
	smithy    = "github.com/aws/smithy-go"
	lambdaGo  = "github.com/aws/aws-lambda-go"
	cdk       = "github.com/aws/aws-cdk-go"
	jsii      = "github.com/aws/jsii-runtime-go"
	construct = "github.com/aws/constructs-go"
	huma      = "github.com/danielgtaylor/huma/v2"
	jsonV2    = "github.com/go-json-experiment/json"
	jmespath  = "github.com/jmespath-community/go-jmespath"
	ssrf      = "code.dny.dev/ssrf"
	idna      = "golang.org/x/net/idna"
	flate     = "github.com/klauspost/compress/flate"
	s2        = "github.com/klauspost/compress/s2"
)

// rule says what a package may import besides the standard library.
type rule struct {
	// path is the package below the module, or with a final slash all packages below a folder.
	path string
	// allow lists packages of the module ("shared/webhook", or "shared/" for all below) and other modules.
	allow []string
	// http tells whether net/http may be imported: whoever can make a client could go round the guard in egress.
	http bool
	why  string
}

func rules() []rule {
	adapter := []string{"shared/webhook", "shared/jsbytes", "shared/env", awsSDK, smithy}
	return []rule{
		{"shared/webhook", nil, false, "the domain depends on nothing, so everything may depend on it"},
		{"shared/retry", nil, false, "the ladder is a pure function of numbers"},
		{"shared/signature", nil, false, "signatures are pure functions of bytes"},
		{"shared/jsbytes", nil, false, "the bytes follow ECMAScript and nothing else"},
		{"shared/jsbytes/docgen", []string{"shared/jsbytes"}, false, "documents for tests, made of jsbytes' own values"},
		{"shared/env", nil, false, "infra imports it, and must not pull in the product"},
		{"shared/payload", []string{"shared/webhook", "shared/jsbytes", jmespath}, false,
			"events and bodies are pure: whoever knows AWS converts before"},
		{"shared/egress", []string{"shared/webhook", ssrf, idna}, true,
			"the guarded client is small enough to be read whole"},
		{"shared/delivery", []string{"shared/webhook", "shared/retry", "shared/signature", "shared/payload"}, false,
			"the order of steps is proved against fakes: no AWS, no client of its own"},
		{"shared/portal", []string{
			"shared/webhook", "shared/delivery", "shared/payload", "shared/signature", "shared/egress", "shared/portal/console", huma, jsonV2,
		}, true, "the API is an http.Handler that any server can run: no AWS, no Lambda"},
		{"shared/portal/console", nil, true, "files are served by the standard library, and know nothing of who asks"},
		{"shared/dynamo", append(adapter, flate, s2), false, "an adapter turns SDK types into the domain's, and knows no other adapter"},
		{"shared/queue", adapter, false, "as dynamo"},
		{"shared/vault", adapter, false, "as dynamo"},
		{"shared/objects", adapter, false, "as dynamo"},
		{"shared/bus", adapter, false, "as dynamo"},
		{"shared/awscfg", []string{awsSDK, smithy}, true, "the SDK's settings, its transport's among them, in one place"},
		{"shared/awscfg/profile", []string{"shared/awscfg", awsSDK}, false, "a person's credentials, which no function has"},
		{"shared/memory", []string{"shared/webhook", "shared/delivery", "shared/portal"}, false,
			"fakes serve the ports and must not share code with what they stand for"},
		{"shared/storetest", []string{"shared/webhook", "shared/delivery", "shared/portal"}, true,
			"the suite knows the ports, never an implementation"},
		{"shared/storetest/forms", nil, true, "whoever stores something holds it to its golden files, the portal too"},
		{"shared/logbook", []string{"shared/env"}, false, "the catalogue of log events is text, and knows none of those who log"},
		{"shared/storm", []string{
			"shared/env", "shared/webhook", "shared/delivery", "shared/portal", "shared/queue", "shared/lambdarun", "shared/memory", lambdaGo,
		}, true, "the simulation drives the real handlers over models of the services"},
		{"shared/storm/", nil, false, "the planted bugs are text, and the compiler another process"},
		{"shared/lambdarun", []string{"shared/webhook", "shared/env", "shared/payload", "shared/queue", lambdaGo}, false,
			"with what is below it the product's only importer of aws-lambda-go: the rest runs without Lambda"},
		{"shared/lambdarun/gateway", []string{"shared/lambdarun", "shared/portal", lambdaGo}, true,
			"http apart, so that who serves none does not link the portal"},
		{"shared/wire", []string{
			"shared/webhook", "shared/env", "shared/delivery", "shared/egress", "shared/dynamo", "shared/queue",
			"shared/vault", "shared/objects", "shared/bus", "shared/awscfg", awsSDK,
		}, false, "the assembly knows the parts, never the fakes"},
		{"shared/wire/api", []string{"shared/env", "shared/portal", "shared/egress", "shared/wire"}, true,
			"the APIs apart, as lambdarun/gateway"},
		{"shared", nil, false, "tests of the whole library only"},
		{"functions", nil, false, "tests of the functions' events only"},
		{"functions/", []string{"shared/env", "shared/lambdarun", "shared/lambdarun/", "shared/wire", "shared/wire/"}, false,
			"a function is its name and its start: never another function, never infra"},
		{"infra", []string{"shared/env", "infra/", cdk, construct, jsii}, true,
			"the stack shares names with the functions, and nothing else"},
		{"infra/", []string{"shared/env", "infra", "infra/", cdk, construct, jsii}, false, "as infra"},
	}
}

// servesRequests are the packages that serve requests or test what does.
const servesRequests = "shared/portal shared/memory shared/storetest shared/storm shared/lambdarun/gateway shared/wire/api functions/portal functions/admin"

// bans are dependencies that must not come in by any way.
func bans() []struct{ module, only, why string } {
	return []struct{ module, only, why string }{
		{lambdaGo, "shared/lambdarun shared/storm functions/", "the rules must run without Lambda"},
		{cdk, "infra", "200 MB of generated code, and a Node process, have no place in a function"},
		{jsii, "infra", "as the CDK"},
		{module + "infra", "infra", "nobody imports the stack"},
		{module + "localstack", "", "what runs locally is no part of the product"},
		{module + "shared/memory", "shared/memory shared/storm", "a fake in a binary could be taken for the store"},
		{module + "shared/storm", "shared/storm", "a simulation is no part of a binary"},
		{module + "shared/storetest", "shared/storetest shared/storetest/forms", "a test suite is no part of a binary"},
		{module + "shared/jsbytes/docgen", "shared/jsbytes/docgen", "documents at random are for tests"},
		{module + "shared/logbook", "shared/logbook", "the catalogue of log events is for people and tests"},
		{"testing", "shared/storetest shared/storetest/forms", "nor is Go's test library"},
		{huma, servesRequests, "the dispatcher, retrier and sweeper serve no requests: what they link costs each cold start"},
		{module + "shared/portal", servesRequests, "as huma, which the portal is made of"},
		{awsSDK + "/config", "shared/awscfg/profile",
			"clients of four more services, for credentials that no function has: 0.5 MB zipped, and 0.7 ms of each cold start"},
		{"text/template", "", "it calls methods by name, so that the linker keeps every method of every type"},
	}
}

// pkg is what the go command tells of a package.
type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

// watch opens every Go file, so that the go command does not answer with a cached result of this test after a change: it
// knows what a test opened itself, not what another process read.
func watch(t *testing.T) {
	t.Helper()
	for _, root := range []string{"../functions", "../shared", "../infra"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "cdk.out") {
				return filepath.SkipDir
			}
			if d.IsDir() || strings.HasSuffix(path, ".go") {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// list returns the packages that match, with what they depend on if deps is set.
func list(t *testing.T, tags string, deps bool, patterns ...string) []pkg {
	t.Helper()
	args := []string{"list", "-tags", tags, "-json=ImportPath,Imports,Deps,Standard"}
	if deps {
		args = append(args, "-deps")
	}
	cmd := exec.Command("go", append(args, patterns...)...)
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestImports(t *testing.T) {
	watch(t)
	for _, tags := range []string{"lambda.norpc", "lambda.norpc,local"} {
		pkgs := list(t, tags, true, "./functions/...", "./shared/...")
		pkgs = append(pkgs, list(t, tags, false, "./infra/...")...)
		seen := 0
		for _, p := range violations(pkgs) {
			t.Errorf("-tags %s: %s", tags, p)
		}
		for _, p := range pkgs {
			if strings.HasPrefix(p.ImportPath, module) {
				seen++
			}
		}
		if seen < 10 {
			t.Errorf("-tags %s: only %d packages were seen", tags, seen)
		}
	}
}

// TestViolationsAreSeen proves that each kind of rule can fail.
func TestViolationsAreSeen(t *testing.T) {
	standard := pkg{ImportPath: "net/http", Standard: true}
	for _, tt := range []struct {
		name string
		p    pkg
		want int
	}{
		{"nothing wrong", pkg{ImportPath: module + "shared/egress", Imports: []string{"net/http", ssrf, module + "shared/webhook"}}, 0},
		{"a prefix is not a package", pkg{ImportPath: module + "shared/egress", Imports: []string{ssrf + "2"}}, 1},
		{"an unknown package", pkg{ImportPath: module + "shared/util"}, 1},
		{"a foreign module", pkg{ImportPath: module + "shared/webhook", Imports: []string{awsSDK + "/aws"}}, 1},
		{"an adapter in another", pkg{ImportPath: module + "shared/dynamo", Imports: []string{module + "shared/queue"}}, 1},
		{"a client of one's own", pkg{ImportPath: module + "shared/delivery", Imports: []string{"net/http"}}, 1},
		{"the CDK far below", pkg{ImportPath: module + "shared/portal", Deps: []string{cdk + "/awscdk/v2"}}, 1},
		{"a fake in a function", pkg{ImportPath: module + "functions/portal", Deps: []string{module + "shared/memory"}}, 1},
		{"a framework for requests in the dispatcher", pkg{ImportPath: module + "functions/dispatcher", Deps: []string{huma + "/casing"}}, 1},
		{"and in the portal", pkg{ImportPath: module + "functions/portal", Deps: []string{huma, module + "shared/portal"}}, 0},
		{"a person's credentials in a function", pkg{ImportPath: module + "functions/portal", Deps: []string{awsSDK + "/config"}}, 1},
		{"documents at random in the product", pkg{ImportPath: module + "shared/payload", Deps: []string{module + "shared/jsbytes/docgen"}}, 1},
	} {
		if got := violations([]pkg{standard, tt.p}); len(got) != tt.want {
			t.Errorf("%s: got %q, want %d", tt.name, got, tt.want)
		}
	}
}

// violations checks the packages of the module among pkgs.
func violations(pkgs []pkg) []string {
	standard := map[string]bool{"C": true, "unsafe": true}
	for _, p := range pkgs {
		standard[p.ImportPath] = p.Standard
	}
	var found []string
	for _, p := range pkgs {
		path, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours {
			continue
		}
		r, ok := ruleFor(path)
		if !ok {
			found = append(found, path+" has no rule: add one, with its reason")
			continue
		}
		for _, i := range p.Imports {
			if isStandard(standard, i) && (i != "net/http" || r.http) || allowed(r, i) {
				continue
			}
			found = append(found, path+" may not import "+i+": "+r.why)
		}
		for _, b := range bans() {
			if permitted(path, b.only) {
				continue
			}
			if i := slices.IndexFunc(p.Deps, func(d string) bool { return within(d, b.module) }); i >= 0 {
				found = append(found, path+" depends on "+p.Deps[i]+": "+b.why)
			}
		}
	}
	return found
}

// isStandard falls back on the form of the path for packages that were listed without what they depend on.
func isStandard(listed map[string]bool, path string) bool {
	if standard, ok := listed[path]; ok {
		return standard
	}
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func ruleFor(path string) (rule, bool) {
	all := rules()
	if i := slices.IndexFunc(all, func(r rule) bool { return r.path == path }); i >= 0 {
		return all[i], true
	}
	i := slices.IndexFunc(all, func(r rule) bool {
		return strings.HasSuffix(r.path, "/") && strings.HasPrefix(path, r.path)
	})
	if i < 0 {
		return rule{}, false
	}
	return all[i], true
}

func allowed(r rule, path string) bool {
	own, ours := strings.CutPrefix(path, module)
	return slices.ContainsFunc(r.allow, func(a string) bool {
		if !ours {
			return within(path, a)
		}
		return own == a || strings.HasSuffix(a, "/") && strings.HasPrefix(own, a)
	})
}

// permitted tells whether path is one of the packages or folders in the list, or below one.
func permitted(path, list string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(p string) bool { return within(path, strings.TrimSuffix(p, "/")) })
}

func within(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

// TestMains: a function's own code is its start, in 30 lines at most.
func TestMains(t *testing.T) {
	files, err := filepath.Glob("../functions/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	mains := 0
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		mains++
		if n := bytes.Count(text, []byte("\n")); n > 30 || filepath.Base(f) != "main.go" {
			t.Errorf("%s has %d lines; a function is one main.go of at most 30", f, n)
		}
	}
	if mains != 5 {
		t.Errorf("%d mains, want 5", mains)
	}
}
