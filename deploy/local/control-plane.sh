# shellcheck shell=bash disable=SC2153,SC2154 # sourced by cluster.sh, which has the variables
# The control plane of an instance: etcd, API server and controllers, in $DIR.

random_word() { od -An -tx1 -N16 /dev/urandom | tr -d ' \n'; }

write_kubeconfig() { # FILE TOKEN
  cat > "$1" <<Y
apiVersion: v1
kind: Config
clusters: [{name: $NAME, cluster: {server: "https://$ADDR:$PORT", certificate-authority: "$DIR/pki/apiserver.crt"}}]
users: [{name: $NAME, user: {token: $2}}]
contexts: [{name: $NAME, context: {cluster: $NAME, user: $NAME}}]
current-context: $NAME
Y
}

# A key for service accounts and a user for each component, with a token that is new for each instance.
write_credentials() {
  local token user
  umask 077
  mkdir -p "$DIR/pki"
  openssl genrsa -out "$DIR/pki/sa.key" 2048 2> /dev/null
  token=$(random_word)
  cat > "$DIR/pki/tokens.csv" <<Y
$token-admin,admin,admin,system:masters
$token-kcm,system:kube-controller-manager,kcm
$token-sched,system:kube-scheduler,sched
$token-proxy,system:kube-proxy,proxy
$token-node,system:node:$NAME,node,system:nodes
$token-dns,system:dns,dns
Y
  write_kubeconfig "$DIR/kubeconfig" "$token-admin"
  for user in kcm sched proxy node dns; do write_kubeconfig "$DIR/pki/$user.kubeconfig" "$token-$user"; done
}

# etcd listens on sockets in DIR: no port to choose, and no other user of this machine can read Secrets from it. Even
# there it wants a "port", a part of the file's name; relative to DIR, since a socket's path has at most 107 bytes.
start_etcd() {
  start etcd env --chdir="$DIR" "$BIN/etcd" --data-dir etcd --unsafe-no-fsync \
    --listen-client-urls unix://etcd:1 --advertise-client-urls unix://etcd:1 \
    --listen-peer-urls unix://peer:1 --initial-advertise-peer-urls unix://peer:1 --initial-cluster default=unix://peer:1
}

start_apiserver() {
  local reconciler=none
  [ "$NODE" = 0 ] || reconciler=lease
  # shellcheck disable=SC2086 # APISERVER_FLAGS is a list of words
  start apiserver env --chdir="$DIR" "$BIN/kube-apiserver" --etcd-servers=unix://etcd:1 \
    --bind-address="$ADDR" --advertise-address="$ADDR" --secure-port="$PORT" --cert-dir=pki \
    --service-account-key-file=pki/sa.key --service-account-signing-key-file=pki/sa.key \
    --service-account-issuer=https://kubernetes.default.svc --service-cluster-ip-range="$NET.64.0/18" \
    --token-auth-file=pki/tokens.csv --authorization-mode=Node,RBAC --allow-privileged=true \
    --endpoint-reconciler-type=$reconciler --kubelet-preferred-address-types=InternalIP $APISERVER_FLAGS
}

# Waits until CMD succeeds, as long as the process runs; if it fails, WHY says what was wrong.
wait_with() { # PROCESS CMD...
  local process=$1 until=$((SECONDS + 60))
  shift
  until "$@" > /dev/null 2>&1; do
    if ! is_ours "$(pid_of "$process")"; then
      WHY="$process ended: $(grep -v '^I' "$DIR/log/$process.log" | tail -n 1)"
      return 1
    elif [ $SECONDS -ge $until ]; then
      WHY="$process is not ready after 60 s"
      return 1
    fi
    sleep 0.1
  done
}

wait_for_apiserver() { wait_with apiserver kubectl get --raw /readyz; }

# Without --kube-api-qps the controllers' own service accounts take 4.5 s to come into being.
start_controllers() {
  # shellcheck disable=SC2086 # KCM_FLAGS is a list of words
  start kcm env --chdir="$DIR" "$BIN/kube-controller-manager" --kubeconfig=pki/kcm.kubeconfig --leader-elect=false \
    --service-account-private-key-file=pki/sa.key --root-ca-file=pki/apiserver.crt \
    --use-service-account-credentials=true --secure-port=0 --kube-api-qps=500 --kube-api-burst=1000 $KCM_FLAGS
  [ "$NODE" = 0 ] || start scheduler env --chdir="$DIR" "$BIN/kube-scheduler" --kubeconfig=pki/sched.kubeconfig \
    --leader-elect=false --secure-port=0 --kube-api-qps=500 --kube-api-burst=1000
}

# By default the first port to try is drawn by lot, so instances that start together do not all try the same one. Below
# 32768, from where the kernel takes ports for outgoing connections, so nobody gets it while a test restarts the server.
ports_to_try() {
  local first=$((20000 + RANDOM % 9900))
  case "$PORTS" in
    "") echo $first $((first + 99)) ;;
    *-*) echo "${PORTS%-*}" "${PORTS#*-}" ;;
    *) echo "$PORTS" "$PORTS" ;;
  esac
}

# Sets PORT and leaves an API server ready on it. Only binding it tells for certain whether a port is free.
start_apiserver_on_a_free_port() {
  local last
  read -r PORT last < <(ports_to_try)
  for ((; PORT <= last; PORT++)); do
    ! (exec 7<> "/dev/tcp/$ADDR/$PORT") 2> /dev/null || continue # somebody answers there
    save_settings
    (write_credentials)
    start_apiserver
    ! wait_for_apiserver || return 0
    [[ $WHY = *"address already in use"* ]] || die "$WHY"
    end apiserver
  done
  die "port ${PORTS:-of the API server} is taken: choose another by --port"
}

start_control_plane() {
  command -v openssl > /dev/null || die "openssl is not on PATH; Debian and Ubuntu bring it by: apt-get install openssl"
  start_etcd
  start_apiserver_on_a_free_port
  start_controllers
  wait_with kcm kubectl get serviceaccount default || die "$WHY" # no pod can be created before
}
