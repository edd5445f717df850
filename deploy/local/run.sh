#!/bin/bash
# What `make up`, `make down` and `make run` do.
#
#   run.sh up                 starts the local control plane; its kubeconfig is .local/kubeconfig, its tools .local/bin
#   run.sh down               stops it and removes its state
#   run.sh run [KUBECONFIG]   runs Lessor in the foreground: on the local control plane, or on the cluster of KUBECONFIG
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=${HERE%/deploy/local}
STATE=$ROOT/.local
# Always the same port if it is free, so an exported KUBECONFIG and what kubectl has cached stay good.
PORTS=16443-16542

die() { echo "$*" >&2; exit 1; }
cluster() { "$HERE/cluster.sh" --dir "$STATE/cluster" "$@"; }

link_tools() {
  local bin tool
  bin=$("$HERE/build.sh" --where)
  mkdir -p "$STATE/bin"
  for tool in kubectl helm; do [ ! -e "$bin/$tool" ] || ln -sfn "$bin/$tool" "$STATE/bin/$tool"; done
  ln -sfn ../../.venv/bin/lessor "$STATE/bin/lessor"
}

start() { # OPTION...
  cluster --port "$PORTS" "$@" up > /dev/null
  link_tools
  ln -sfn cluster/kubeconfig "$STATE/kubeconfig"
}

stop() {
  cluster down
  rm -f "$STATE/kubeconfig"
}

how_to_use() { # KUBECONFIG
  # shellcheck disable=SC2016 # $PATH is for the shell that it is pasted into
  printf '    export PATH=%q:"$PATH" KUBECONFIG=%q\n' "$STATE/bin" "$1"
}

up() {
  start
  echo "a Kubernetes control plane runs on this machine (etcd without fsync: for tests, not for data). To use it:"
  how_to_use "$STATE/kubeconfig"
}

down() {
  if [ ! -e "$STATE/cluster" ]; then echo "no local control plane is running"; return; fi
  stop
  echo "the local control plane is stopped"
}

finish() { # what this `run` started, and nothing else
  local code=$?
  trap - EXIT
  trap '' INT TERM # a second Ctrl-C must not leave the control plane behind
  if [ -n "$LESSOR" ]; then
    kill -TERM "$LESSOR" 2> /dev/null || :
    wait "$LESSOR" 2> /dev/null || :
  fi
  if [ "$STARTED" = 1 ]; then
    stop
    echo "Lessor and the local control plane are stopped"
  fi
  exit "$code"
}

install() {
  kubectl apply --server-side -f "$ROOT/crds/" > /dev/null
  kubectl wait --for=condition=Established --timeout=30s -f "$ROOT/crds/" > /dev/null
  # Established is said about a second before they are served.
  within 30 kubectl get lessor -A || die "the cluster does not serve the kinds of crds/ after 30 s"
  kubectl apply -f "$ROOT/deploy/samples/pool.yaml" > /dev/null
}

within() { # SECONDS CMD...: repeats it until it succeeds
  local until=$((SECONDS + $1))
  shift
  until "$@" > /dev/null 2>&1; do
    [ $SECONDS -lt $until ] || return 1
    sleep 0.1
  done
}

pools_are_ready() { kubectl wait --for=condition=Ready --timeout=1s -f "$ROOT/deploy/samples/pool.yaml"; }
has_ended() { ! kill -0 "$LESSOR"; }
serves_or_has_ended() { has_ended || pools_are_ready; }

tell() { # HOW-IT-ENDS
  cat <<TEXT

Lessor is serving. In another terminal, in this folder:

$(how_to_use "$KUBECONFIG")
    kubectl apply -f deploy/samples/lease.yaml
    kubectl wait --for=condition=Ready rl/e2e-aws --timeout=5s
    kubectl get lessor -A
    kubectl delete rl/e2e-aws

$1
TEXT
}

run() { # [KUBECONFIG]
  local ends
  LESSOR="" STARTED=0
  trap finish EXIT
  trap 'exit 0' INT TERM
  if [ -n "${1:-}" ]; then
    [ -r "$1" ] || die "KUBECONFIG=$1: there is no such file"
    KUBECONFIG=$(realpath "$1")
    "$HERE/build.sh" > /dev/null # for kubectl
    link_tools
    ends="Ctrl-C stops Lessor; the pool and the kinds stay in the cluster of $KUBECONFIG."
  elif cluster status > /dev/null 2>&1; then
    KUBECONFIG=$STATE/kubeconfig
    ends="Ctrl-C stops Lessor; the control plane stays until make down."
  else
    STARTED=1 KUBECONFIG=$STATE/kubeconfig
    start --owner $$
    ends="Ctrl-C stops Lessor and the control plane; etcd runs without fsync and keeps nothing."
  fi
  export KUBECONFIG PATH=$STATE/bin:$PATH
  install
  # In the background and waited for: a signal to this script would otherwise wait until Lessor has ended by itself.
  "$ROOT/.venv/bin/lessor" run --listen 127.0.0.1:0 &
  LESSOR=$!
  within 60 serves_or_has_ended || die "deploy/samples/pool.yaml is not Ready after 60 s: see the log above"
  has_ended 2> /dev/null || tell "$ends"
  wait "$LESSOR"
}

case ${1:-} in
  up | down | run) "$@" ;;
  *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
