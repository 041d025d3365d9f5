#!/usr/bin/env bash
# Everything that `make test` does, from the project's root: installs what it needs, checks, tests, starts a copy of its
# own on PORT_BASE+50.. in localstack/.state/test, and ends it whatever happens. A step's output is shown if it fails.
set -euo pipefail
cd "$(dirname "$0")/.."

state=localstack/.state/test
logs=$state/logs
port=$((${PORT_BASE:-4500} + 50))
stack=.build/stack
# A step takes these from the environment of whoever started us only by accident.
unset E2E_STATE E2E_ENDPOINT AWS_PROFILE AWS_ENDPOINT_URL

rm -rf "$state"
mkdir -p "$logs"
table=()
began=$SECONDS
# Empty if there is no Java that runs.
java=$(java -version >/dev/null 2>&1 && echo yes || true)

finish() {
  code=$?
  trap - EXIT
  for job in "$logs"/*.pid; do
    if [ -e "$job" ] && kill "$(<"$job")" 2>/dev/null; then wait "$(<"$job")" || true; fi
  done
  for copy in "$state" localstack/.state/upgrade; do
    if [ -x "$stack" ] && ! "$stack" down -state "$copy" >"$logs/down.log" 2>&1; then
      cat "$logs/down.log" >&2
      code=1
    fi
  done
  printf '\n'
  if [ "${#table[@]}" -gt 0 ]; then printf '%s\n' "${table[@]}"; fi
  printf '%6d s  all\n' $((SECONDS - began))
  if [ "$code" = 0 ]; then echo 'All passed.'; else echo "FAILED; logs are in $logs" >&2; fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

step() { # NAME COMMAND...
  local name=$1 log at=$SECONDS
  log=$logs/$(tr -cs 'a-z0-9\n' - <<<"$name").log
  shift
  if ! "$@" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    table+=("$(printf '%6d s  %s: FAILED' $((SECONDS - at)) "$name")")
    echo "failed: $name" >&2
    exit 1
  fi
  table+=("$(printf '%6d s  %s' $((SECONDS - at)) "$name")")
  printf '%6d s  %s\n' $((SECONDS - at)) "$name"
}

skipped() { # WHAT MISSING
  local line="     -    $1: SKIPPED, $2 is missing"
  table+=("$line")
  printf '%s\n' "$line"
}

tools() {
  local tool
  for tool in go node npm python3 gcc; do
    command -v "$tool" >/dev/null || { echo "error: $tool is missing (gcc: for Go's race detector)"; return 1; }
  done
  if [ -n "${CI:-}" ] && { [ -z "$java" ] || ! command -v javac >/dev/null; }; then
    echo 'error: Java is missing, or javac: DynamoDB Local needs 11 or later, and CI leaves no test out'
    return 1
  fi
}
locals() { grep -rl --include='*.go' '^//go:build .*local' shared | xargs -n1 dirname | sort -u | sed 's|^|./|'; }
# The adapters wait for the emulator: without it their tests fail where CI is set.
adapters='shared/(dynamo|queue|vault|objects|bus)$'
# Hundreds of thousands of documents would take minutes with the race detector, and nothing there runs beside anything.
bytes='shared/jsbytes(/docgen)?$'
# The simulation runs one thing at a time.
simulation='shared/storm(/planted)?$'
race() { go list ./shared/... ./functions/... | grep -vE "/$adapters|/$bytes|/$simulation" | CGO_ENABLED=1 xargs go test -race; }
race_local() { locals | CGO_ENABLED=1 xargs go test -race -tags local; }
compare() { go test -count=1 ./shared/jsbytes/...; }
# The race detector takes memory and time of its own.
bounds() { go test ./shared/egress ./shared/payload ./shared/lambdarun; }
# 1,000 seeds, and every planted bug from its recorded seed.
storm() { go test -count=1 -v ./shared/storm && go test -count=1 -timeout 30m ./shared/storm/planted; }
# golangci-lint vets all but infra.
infra() { go vet ./infra/... && go test ./infra/... ./localstack/local/... ./localstack/calls/... ./localstack/stack/... ./localstack/adminctl/... ./localstack/reconcile/... ./localstack/forget/... &&
  go test ./localstack/bench/...; }
# CI makes the absence of a receiver a failure.
receivers() { CI=true go test -count=1 ./localstack/receivers; }
# Its first load, types and unit tests.
console() {
  CI=true go test -count=1 ./shared/portal/console && (cd shared/portal/console && npm run -s check && npm run -s test)
}
# Each function may do what its role allows, and nothing else.
up() { "$stack" up -state "$state" -shift 50 -enforce-iam; }
stores() {
  go list ./shared/... | grep -E "/$adapters" |
    CGO_ENABLED=1 E2E_ENDPOINT=http://127.0.0.1:$port xargs go test -race -count=1
}
# DynamoDB Local is stricter about expressions than the emulator, and looks at nothing but the tables.
tables() {
  "$stack" dynamodb -state "$state" -shift 50 &&
    CGO_ENABLED=1 E2E_ENDPOINT=http://127.0.0.1:$((port + 5)) go test -race -count=1 ./shared/dynamo &&
    "$stack" down -state "$state"
}
# CI makes the absence of schemathesis a failure.
e2e() { CI=true E2E_STATE=$PWD/$state/run.json go test -count=1 -timeout 10m -v ./localstack/e2e; }
browser() {
  E2E_STATE=$PWD/$state/run.json node --test --test-concurrency=4 --test-reporter=spec localstack/browser/*.test.mjs
}
# What the functions did in all the tests before, held against what they may do.
permissions() { "$stack" permissions -state "$state"; }
stopped() {
  "$stack" down -state "$state"
  ! curl -s -o /dev/null "http://127.0.0.1:$port/" || { echo "something still answers on port $port"; return 1; }
}

background() { # NAME COMMAND...: begin a step that joins later; it gives way to the steps in front
  local name=$1
  shift
  nice -n 10 "$@" >"$logs/$name.log" 2>&1 </dev/null &
  echo $! >"$logs/$name.pid"
}
join() { # NAME
  local pid
  pid=$(<"$logs/$1.pid")
  rm "$logs/$1.pid"
  wait "$pid" || { cat "$logs/$1.log"; return 1; }
}

step 'look for the tools' tools
step 'build the tool that starts and stops' make --no-print-directory .build/stack
step 'look for free ports' "$stack" check -state "$state" -shift 50
# Downloads wait for the network, and the end-to-end tests for retries: what needs the processor runs beside them.
background install "$stack" install venv infra receivers receivers-venv browser lint checkov openapi ${java:+dynamodb-local}
step 'build' make --no-print-directory -j2 build-tools build
background lint make --no-print-directory lint
step 'the console: its first load, types and unit tests' console
step 'unit tests with the race detector' race
step 'the same of the local build' race_local
step 'bounds of memory and time, without the race detector' bounds
step 'documents at random compared with Node' compare
step 'the simulation, and the bugs planted for it' storm
step 'finish installing' join install
step 'bodies at random verified by receivers' receivers
for tool in php javac; do
  command -v "$tool" >/dev/null || skipped "the console's code for receivers that needs it" "$tool"
done
step 'tests of infra and localstack' infra
step 'what SAM does without a container engine' make --no-print-directory sam-check
step 'cfn-lint and checkov on the synthesized stacks' make --no-print-directory lint-templates
if [ -n "$java" ]; then
  step 'tests of the tables on DynamoDB Local' tables
else
  skipped 'tests of the tables on DynamoDB Local' Java
fi
step 'start and deploy a copy' up
step 'tests of the adapters, with conformance and the race detector' stores
background upgrade make --no-print-directory upgrade
step 'end to end' e2e
step 'the console in Chromium' browser
step 'permissions: none is missing, none is spare' permissions
step 'upgrade from the release before, and back' join upgrade
if grep -q '^--- SKIP: TestUpgradeAndBack' "$logs/upgrade.log"; then
  skipped 'upgrade from the release before' 'its commit in this shallow clone'
fi
step 'stop it' stopped
step 'finish lint' join lint
