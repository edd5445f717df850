#!/bin/bash
# A real Kubernetes control plane on this machine, if wished with a node. Nothing of it survives `down`.
#
#   cluster.sh [OPTION...] up        builds it if need be, starts it, waits till it is ready; prints its kubeconfig
#   cluster.sh [--dir DIR] down      stops it and removes DIR
#   cluster.sh [--dir DIR] status    prints its kubeconfig's path; fails if it does not run
#   cluster.sh [--dir DIR] stop-apiserver | start-apiserver | restart-apiserver    on the same port, with the same data
#   cluster.sh [--dir DIR] load TAR...     imports image archives (docker-archive, oci-archive) into the node
#   cluster.sh [--dir DIR] enter CMD...    runs a command inside the node (its network, mounts and processes)
#
# Options:
#   --dir DIR       the folder of this instance (default: .local/cluster in this checkout); each folder is an instance
#   --port A[-B]    the API server's port, or a range to take the first free one of (default: drawn from 20000 to 29999)
#   --owner PID     down by itself when that process is gone, however it ended
#   --node          a node besides: kubelet, containerd, kube-proxy, DNS, in namespaces of its own (needs root)
#   --name NAME     the node's name: one word of at most 8 letters (default: lessor)
#   --net A.B       with a node: pods A.B.0.0/24, services A.B.64.0/18, node A.B.255.2, this machine's end A.B.255.1
#                   (default: 10.244)
#   --on-disk       with a node: images and volumes on disk under DIR (default: in memory, about twice the images' size)
# Environment: APISERVER_FLAGS, KCM_FLAGS: more flags of kube-apiserver, kube-controller-manager; PROXY_MODE: iptables.
set -euo pipefail
SELF=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/${BASH_SOURCE[0]##*/}
HERE=${SELF%/*}
DIR=${HERE%/deploy/local}/.local/cluster
PORT="" PORTS="" OWNER="" WHY="" NODE=0 NAME=lessor NET=10.244 TMPFS=1
APISERVER_FLAGS=${APISERVER_FLAGS:-} KCM_FLAGS=${KCM_FLAGS:-} PROXY_MODE=${PROXY_MODE:-iptables}
SETTINGS="NODE NAME NET TMPFS PORT BIN APISERVER_FLAGS KCM_FLAGS PROXY_MODE"

die() { echo "cluster.sh: $*" >&2; exit 1; }

pid_of() { cat "$DIR/run/$1.pid" 2> /dev/null || :; }
is_gone() { ! grep -qs '^State:.[^ZX]' "/proc/$1/status"; } # a zombie is gone: its parent may be slow
# A number in a pid file may be another process's by now (after a reboot): it counts only with our mark in its environ.
is_ours() { [ -n "$1" ] && grep -qszFx "LESSOR_CLUSTER=$DIR" "/proc/$1/environ" && ! is_gone "$1"; }

start() { # NAME CMD...: in the background; the child itself notes its process id, so nobody can run without
  local name=$1
  shift
  (
    echo "$BASHPID" > "$DIR/run/$name.pid"
    exec setsid "$@" > "$DIR/log/$name.log" 2>&1 < /dev/null 9>&-
  ) &
  disown # or bash would say that it was killed
}

end() { # NAME: kills it and waits until it is gone. SIGTERM would make the API server linger for more than 5 s
  local pid
  pid=$(pid_of "$1")
  ! is_ours "$pid" || kill -9 "$pid" 2> /dev/null || :
  while is_ours "$pid"; do sleep 0.02; done
  rm -f "$DIR/run/$1.pid"
}

wait_for() { # SECONDS WHAT CMD...
  local until=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" > /dev/null 2>&1; do
    [ $SECONDS -lt $until ] || die "$what: not ready in time"
    sleep 0.1
  done
}

# One command at a time for one instance. Its folder is the lock; who gets it after the folder was removed tries again.
lock() {
  while :; do
    mkdir -p "$DIR"
    { command exec 9< "$DIR"; } 2> /dev/null || continue
    flock 9
    [ ! "$DIR" -ef /proc/self/fd/9 ] || return 0
  done
}

# `down` removes DIR whole, so DIR must be ours: marked as such, or empty.
refuse_foreign_folder() {
  [ -e "$DIR/.lessor-cluster" ] || [ -z "$(ls -A "$DIR")" ] ||
    die "$DIR has files that are not of a local cluster: name another folder by --dir"
}

kubectl() { KUBECACHEDIR=$DIR/kubectl "$BIN/kubectl" --kubeconfig "$DIR/kubeconfig" "$@"; }
# shellcheck disable=SC1091 # written by save_settings
settings() { if [ -f "$DIR/run/settings" ]; then . "$DIR/run/settings"; fi; }
address() { if [ "$NODE" = 1 ]; then ADDR=$NET.255.2; else ADDR=127.0.0.1; fi; }
save_settings() {
  local name
  for name in $SETTINGS; do printf '%s=%q\n' "$name" "${!name}"; done > "$DIR/run/settings"
}

# shellcheck source=deploy/local/control-plane.sh
. "$HERE/control-plane.sh"
# shellcheck source=deploy/local/node.sh
. "$HERE/node.sh"

processes() { if [ "$NODE" = 1 ]; then echo init; else echo etcd apiserver kcm; fi; }
running() {
  local name
  settings
  for name in $(processes); do is_ours "$(pid_of "$name")" || return 1; done
  kubectl get --raw /readyz > /dev/null 2>&1
}

up() {
  lock
  refuse_foreign_folder
  if (running); then
    echo "the local cluster runs already" >&2
    echo "$DIR/kubeconfig"
    return
  fi
  (settings; remove) # what a reboot or a kill has left, with its own settings
  lock
  chmod 700 "$DIR" # with the tokens of an administrator, and etcd's socket, in it
  touch "$DIR/.lessor-cluster"
  mkdir -p "$DIR/run" "$DIR/log"
  trap failed EXIT
  trap 'exit 130' INT # with a trap bash first waits for the command that it runs, so that is not left over either
  trap 'exit 143' TERM
  [ -z "$OWNER" ] || start owner "$SELF" --dir "$DIR" follow "$OWNER"
  if [ "$NODE" = 0 ]; then start_control_plane; else start_node; fi
  trap - EXIT INT TERM
  echo "$DIR/kubeconfig"
}

failed() { # the sentence was said; what the programs complained of may tell more, and goes with DIR
  grep -hE '^[EF][0-9]{4} |"level":"(error|fatal|panic)"' "$DIR"/log/*.log | tail -n 5 | sed 's/^/  /' >&2 || :
  remove
}

down() {
  if [ ! -e "$DIR" ]; then echo "no local cluster runs in $DIR" >&2; return; fi
  lock
  refuse_foreign_folder
  settings
  remove
}

remove() {
  local name
  [ "$(pid_of owner)" = $$ ] || end owner
  if [ "$NODE" = 1 ]; then remove_node; else for name in kcm apiserver etcd; do end $name; done; fi
  rm -rf "$DIR"
}

follow() { # PID: down when it is gone
  # One process and no `sleep`: a child would outlive this one when it is killed.
  exec 8<> <(:)
  until is_gone "$1"; do read -rt 0.5 <&8 || :; done
  down
}

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$SELF" >&2; exit 2; }

while [ $# -gt 0 ]; do
  case $1 in
    --node) NODE=1 ;;
    --on-disk) TMPFS=0 ;;
    --dir | --port | --owner | --name | --net)
      [ $# -ge 2 ] || usage
      case $1 in
        --dir) DIR=$(realpath -m "$2") ;;
        --port) PORTS=$2 ;;
        --owner) OWNER=$2 ;;
        --name) NAME=$2 ;;
        --net) NET=$2 ;;
      esac
      shift
      ;;
    *) break ;;
  esac
  shift
done
export LESSOR_CLUSTER=$DIR
unset KUBECONFIG
COMMAND=${1:-}
[ $# = 0 ] || shift

case $COMMAND in
  up)
    address
    if [ "$NODE" = 1 ]; then BIN=$("$HERE/build.sh" node); else BIN=$("$HERE/build.sh"); fi
    up
    exit
    ;;
  down) down; exit ;;
  status | inside | follow | stop-apiserver | start-apiserver | restart-apiserver | load | enter) ;;
  *) usage ;;
esac

[ -f "$DIR/run/settings" ] || [ "$COMMAND" = follow ] || die "no local cluster runs in $DIR: start it by cluster.sh up"
settings
address
case $COMMAND in
  status)
    running || die "the local cluster in $DIR does not run: start it by cluster.sh up"
    echo "$DIR/kubeconfig"
    ;;
  inside | follow) "$COMMAND" "$@" ;;
  stop-apiserver) end apiserver ;;
  start-apiserver | restart-apiserver)
    [ "$COMMAND" = start-apiserver ] || end apiserver
    is_ours "$(pid_of apiserver)" || start_apiserver
    wait_for_apiserver || die "$WHY"
    ;;
  load) for tar; do ctr -a "$DIR/run/containerd.sock" -n k8s.io images import "$tar"; done ;;
  enter) exec nsenter -t "$(pid_of init)" -m -n -u -i -p -- "$@" ;;
esac
