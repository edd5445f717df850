#!/bin/bash
# Builds images for the local node: no container engine, no registry, no user namespace.
#
#   image.sh base            builds localhost/base, a stand-in for python:slim, of Debian's packages; kept in the cache
#   image.sh app TAG DIR     builds DIR's Containerfile on it, with the wheels of DIR and of what it needs in DIR/wheels
#   image.sh save TAG FILE   writes a docker-archive for `cluster.sh load`
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=$("$HERE/build.sh" --cache)/images
BASE=$CACHE/base.tar

b() { buildah --root "$CACHE/storage" --runroot "$CACHE/run" --storage-driver overlay "$@"; }

# Without EXTERNALLY-MANAGED pip installs as root, as it does in python:slim.
debian() { # FILE
  # shellcheck disable=SC2016 # $1 is for the hook
  mmdebstrap --quiet --variant=essential --include=python3,python3-pip,ca-certificates \
    --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --customize-hook='ln -sf python3 "$1/usr/bin/python"; rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED' \
    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/* "$1"/var/log/*' \
    bookworm "$1"
}

base() {
  local container
  if [ ! -f "$BASE" ]; then
    echo "making a Debian image with Python, once: about half a minute, kept in $CACHE" >&2
    debian "$CACHE/part.tar"
    mv "$CACHE/part.tar" "$BASE"
  fi
  ! b inspect --type image localhost/base > /dev/null 2>&1 || return 0
  container=$(b from scratch)
  b add -q "$container" "$BASE" / > /dev/null
  b config --env PYTHONUNBUFFERED=1 --cmd python3 "$container"
  b commit -q --rm "$container" localhost/base > /dev/null
}

mkdir -p "$CACHE"
case ${1:-} in
  base) base ;;
  app)
    base
    # chroot: otherwise it takes crun where that is installed, which does not work with cgroups v1 and v2 mixed
    b build -q --isolation chroot --build-arg BASE=localhost/base -t "$2" "$3"
    b rmi --prune > /dev/null 2>&1 || :
    ;;
  save)
    rm -f "$3"
    b push -q "$2" "docker-archive:$3:$2"
    ;;
  *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
