#!/bin/bash
# Prints the path of a Python 3.11 or newer that can make virtual environments; says what to install if there is none.
set -euo pipefail

for name in python3.11 python3 python3.12 python3.13 python3.14; do
  # Asked by running it: a version manager's shim can be on PATH for a version that is not installed.
  if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
    command -v "$name"
    exit
  fi
done
echo "Python 3.11 or newer with its venv module is not on PATH; Debian 12 brings it by:" \
  "apt-get install python3 python3-venv" >&2
exit 1
