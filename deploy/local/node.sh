# shellcheck shell=bash disable=SC2153,SC2154 # sourced by cluster.sh, which has the variables
# The node of an instance. The whole cluster is one PID namespace whose PID 1 is `cluster.sh inside`: killing that ends
# every process, shim, container, mount, interface and iptables rule. What is left: cgroup folders, six sysctls, DIR.

# What kubelet and containerd keep under fixed paths: tmpfs in the node's own mounts, so this machine's are not touched.
FIXED="/var/lib/kubelet /var/log/containers /var/log/pods /run/containerd /run/netns /var/lib/cni"
CGROUPS=$(awk '$3 ~ /^cgroup2?$/ {print $2}' /proc/mounts)
SYSCTLS="vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops"
SYSCTLS+=" kernel/keys/root_maxkeys kernel/keys/root_maxbytes"

start_containerd() {
  mkdir -p cni containerd kubelet
  cat > cni/10-bridge.conflist <<Y
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
 {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "$NET.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}],
           "dataDir": "$DIR/cni/ipam"}},
 {"type": "portmap", "capabilities": {"portMappings": true}}]}
Y
  cat > containerd.toml <<Y
version = 2
root = "$DIR/containerd/root"
state = "$DIR/containerd/state"
[grpc]
  address = "$DIR/run/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$DIR/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$DIR/cni"
Y
  start containerd containerd -c containerd.toml
  wait_for 30 containerd ctr -a "$DIR/run/containerd.sock" version
  "$HERE/pause.sh" pause.tar
  ctr -a "$DIR/run/containerd.sock" -n k8s.io images import pause.tar > /dev/null
}

start_kubelet() {
  cat > kubelet.yaml <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $ADDR
port: 10250
readOnlyPort: 0
healthzPort: 0
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
clusterDNS: [$ADDR]
clusterDomain: cluster.local
resolvConf: ""
containerRuntimeEndpoint: unix://$DIR/run/containerd.sock
podLogsDir: $DIR/log/pods
volumePluginDir: $DIR/kubelet/volumeplugins
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
cgroupRoot: /$NAME
enforceNodeAllocatable: []
evictionHard: {nodefs.available: "1%", imagefs.available: "1%", memory.available: 100Mi}
imageGCHighThresholdPercent: 100
maxPods: 110
registerNode: true
serializeImagePulls: false
nodeStatusUpdateFrequency: 5s
kubeAPIQPS: 200
kubeAPIBurst: 400
Y
  start kubelet "$BIN/kubelet" --config=kubelet.yaml --kubeconfig=pki/node.kubeconfig --root-dir="$DIR/kubelet" \
    --cert-dir="$DIR/kubelet/pki" --hostname-override="$NAME" --node-ip="$ADDR"
}

# conntrack: its maximum cannot be set in a network namespace.
start_proxy() {
  cat > proxy.yaml <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: $PROXY_MODE
clientConnection: {kubeconfig: $DIR/pki/proxy.kubeconfig}
clusterCIDR: $NET.0.0/24
hostnameOverride: $NAME
healthzBindAddress: ""
metricsBindAddress: ""
conntrack: {maxPerCore: 0, min: 0}
Y
  start proxy "$BIN/kube-proxy" --config=proxy.yaml
}

start_dns() {
  cat > Corefile <<Y
.:53 {
  bind $ADDR
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $DIR/pki/dns.kubeconfig
    ttl 5
  }
}
Y
  kubectl create clusterrole system:dns --verb=list,watch \
    --resource=services,pods,namespaces,endpointslices.discovery.k8s.io > /dev/null
  kubectl create clusterrolebinding system:dns --clusterrole=system:dns --user=system:dns > /dev/null
  start dns "$BIN/coredns" -conf Corefile
}

inside() { # PID 1 of the node
  local path
  trap 'exit 0' TERM
  hostname "$NAME"
  mount --make-rprivate /
  # shellcheck disable=SC2086 # a list of words
  mkdir -p $FIXED
  for path in $FIXED; do mount -t tmpfs tmpfs "$path"; done
  # images, volumes and etcd's data in memory: gone with the namespace, while removing them from a disk takes seconds
  [ "$TMPFS" = 0 ] || for path in containerd kubelet etcd; do
    mkdir -p "$DIR/$path"
    mount -t tmpfs -o mode=700 tmpfs "$DIR/$path"
  done
  ip link set lo up
  wait_for 10 network ip link show eth0
  ip addr add "$ADDR/30" dev eth0
  ip link set eth0 up # and no default route: nothing in here reaches anything outside
  echo 1 > /proc/sys/net/ipv4/ip_forward
  echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables
  cd "$DIR" || exit
  start_containerd
  start_control_plane
  start_kubelet
  start_proxy
  start_dns
  touch "$DIR/run/started"
  while :; do
    sleep 3600 &
    wait $! || :
  done
}

make_cgroups() { # a root of its own in each hierarchy; of cpuset's two files the kernel fills neither
  local hierarchy file
  for hierarchy in $CGROUPS; do
    mkdir -p "$hierarchy/$NAME"
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "$hierarchy/$NAME/$file" ] || cat "$hierarchy/$file" > "$hierarchy/$NAME/$file"
    done
  done
}

save_sysctls() { # the kubelet sets them
  local name
  for name in $SYSCTLS; do [ ! -e "/proc/sys/$name" ] || echo "$name $(cat "/proc/sys/$name")"; done > "$DIR/run/sysctl"
}

start_node() {
  local init
  [ "$(id -u)" = 0 ] || die "--node needs root"
  PORT=${PORTS:-6443} PORTS=$PORT
  save_settings
  make_cgroups
  save_sysctls
  start unshare unshare --mount --net --uts --ipc --pid --fork --kill-child --mount-proc "$SELF" --dir "$DIR" inside
  wait_for 10 namespaces pgrep -P "$(pid_of unshare)"
  init=$(pgrep -P "$(pid_of unshare)")
  echo "$init" > "$DIR/run/init.pid"
  ip link add "$NAME-0" type veth peer name eth0 netns "$init"
  ip addr add "$NET.255.1/30" dev "$NAME-0"
  ip link set "$NAME-0" up
  ip route add "$NET.0.0/24" via "$ADDR"
  ip route add "$NET.64.0/18" via "$ADDR"
  wait_for 90 node sh -c "test -e '$DIR/run/started' || ! test -d /proc/$init"
  [ -e "$DIR/run/started" ] || die "the node died: $(tail -n 3 "$DIR/log/unshare.log")"
  wait_for 60 "the node" kubectl wait --for=condition=Ready --timeout=1s "node/$NAME"
  wait_for 30 "the service account" kubectl get serviceaccount default
}

remove_cgroups() { # bottom up, and again while the kernel still counts a killed process in one
  local hierarchy
  for hierarchy in $CGROUPS; do
    [ -d "$hierarchy/$NAME" ] || continue
    for _ in $(seq 50); do
      find "$hierarchy/$NAME" -depth -type d -exec rmdir {} + 2> /dev/null || :
      [ -d "$hierarchy/$NAME" ] || break
      sleep 0.1
    done
  done
}

remove_node() {
  local name value
  end init # with its PID 1 all of the node ends
  end unshare
  # shellcheck disable=SC2086 # a list of words
  rmdir --ignore-fail-on-non-empty $FIXED 2> /dev/null || :
  ip link del "$NAME-0" 2> /dev/null || :
  remove_cgroups
  [ ! -f "$DIR/run/sysctl" ] || while read -r name value; do echo "$value" > "/proc/sys/$name"; done < "$DIR/run/sysctl"
}
