#!/bin/bash
# prove.sh [DIR]: shows on a running local cluster with a node and the demo image (README.md) that the parts which an
# installation needs do work: Helm, Deployment, Job, RBAC, DNS, exec, port-forward, killed containers and pods.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DIR=$(realpath -m "${1:-$HERE/../../.local/cluster}")
BIN=$("$HERE/build.sh" --where)
export KUBECONFIG=$DIR/kubeconfig PATH=$BIN:$PATH
WORK=$(mktemp -d)
FORWARD="" PASSED=0 FAILED=0
trap 'rm -rf "$WORK"; [ -z "$FORWARD" ] || kill "$FORWARD" 2> /dev/null || :' EXIT

ok() { # WHAT CMD...
  local what=$1
  shift
  if "$@" > "$WORK/out" 2>&1; then
    PASSED=$((PASSED + 1))
    echo "ok    $what"
  else
    FAILED=$((FAILED + 1))
    echo "FAIL  $what"
    tail -5 "$WORK/out" | sed 's/^/      /'
  fi
}
has() { grep -q -- "$1" <<< "$("${@:2}" 2>&1)"; } # PATTERN CMD...
soon() { # CMD...
  local until=$((SECONDS + 30))
  until "$@"; do
    [ $SECONDS -lt $until ] || return 1
    sleep 0.2
  done
}
pod() { kubectl get pod -l app=demo --field-selector=status.phase=Running -o jsonpath='{.items[0].metadata.name}'; }
uid() { kubectl get pod "$1" -o 'jsonpath={.metadata.uid}'; }
cluster_ip() { kubectl get service demo -o 'jsonpath={.spec.clusterIP}'; }
ended() { kubectl get pod "$1" -o 'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}'; }
restarts() { kubectl get pod "$1" -o 'jsonpath={range .status.containerStatuses[0]}{.ready} {.restartCount}{end}'; }
fetch='import urllib.request as u; print(u.urlopen("http://demo/", timeout=5).status)'

namespace=prove-$$
kubectl create namespace $namespace > /dev/null
kubectl config set-context --current --namespace=$namespace > /dev/null
ok "helm installs a chart and waits for it" helm install demo "$HERE/demo/chart" -n $namespace --wait --timeout 90s
ok "a Deployment has 2 ready replicas" has '^2$' kubectl get deploy demo -o 'jsonpath={.status.readyReplicas}'
ok "a Job completes" kubectl wait --for=condition=complete job/demo --timeout=60s
ok "a pod created a ConfigMap with its service account" has python kubectl get configmap from-job -o 'jsonpath={.data}'
ok "RBAC refuses the pod what its role lacks" has 'refused with 403' kubectl logs job/demo
ok "the pod resolves a service name" has 'dns: 10' kubectl logs job/demo
ok "exec; a service by its name from inside a pod" has 200 kubectl exec "$(pod)" -- python -c "$fetch"
ok "a ClusterIP from this machine" curl -fsS -m 5 -o /dev/null "http://$(cluster_ip)/"
kubectl port-forward service/demo 18099:80 > "$WORK/forward" 2>&1 &
FORWARD=$!
ok "port-forward" soon curl -fsS -m 5 -o /dev/null http://127.0.0.1:18099/

victim=$(pod)
kill_container="for p in /proc/[0-9]*; do
  if grep -qs $(uid "$victim") \$p/cgroup && grep -qsa demo \$p/cmdline; then kill -9 \${p#/proc/}; fi
done"
"$HERE/cluster.sh" --dir "$DIR" enter bash -c "$kill_container"
ok "a killed container is restarted and says so (exit code 137)" soon has 137 ended "$victim"
ok "it comes back ready" soon has '^true 1$' restarts "$victim"
ok "a pod is deleted" kubectl delete pod "$victim" --grace-period=1
ok "and replaced" kubectl wait --for=condition=available deploy/demo --timeout=30s
ok "helm uninstall" helm uninstall demo -n $namespace --wait
ok "the namespace goes" kubectl delete namespace $namespace --timeout=60s
kubectl config set-context --current --namespace=default > /dev/null
echo "$PASSED passed, $FAILED failed"
[ $FAILED = 0 ]
