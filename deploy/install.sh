#!/bin/sh
# Makes a virtual environment and installs the locked packages into it.
# A bare Debian has Python without venv: as root its package is installed, otherwise the error says what to do.
set -eu
venv=$1
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  { echo "Zhihao needs Python 3.11 or newer; $python is $("$python" -V 2>&1)." >&2; exit 1; }

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "This Python has no venv: installing python3-venv."
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
  else
    echo "This Python has no venv. Install it first, on Debian with: apt-get install python3-venv" >&2
    exit 1
  fi
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
