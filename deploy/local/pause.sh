#!/bin/bash
# pause.sh FILE: writes the sandbox image localhost/pause:1 as a docker-archive: nothing but Debian's static catatonit.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/root"
install -m 755 /usr/bin/catatonit "$work/root/pause"
tar -C "$work/root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$work/layer.tar" pause
digest=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
cat > "$work/config.json" <<J
{"architecture": "$(dpkg --print-architecture)", "os": "linux", "config": {"Entrypoint": ["/pause", "-P"]},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]}}
J
echo '[{"Config": "config.json", "RepoTags": ["localhost/pause:1"], "Layers": ["layer.tar"]}]' > "$work/manifest.json"
tar -C "$work" -cf "$1" config.json layer.tar manifest.json
