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
pip() { "$venv/bin/python" -m pip "$@"; }

# uv, which is locked like the rest, installs in seconds what takes pip minutes. It is told where pip would look;
# where it does not get along all the same, pip does the work.
with_uv() {
  awk '/^[^ #]/ { on = /^uv==/ } on' requirements.lock >"$venv/uv.lock"
  pip install -q --disable-pip-version-check --require-hashes -r "$venv/uv.lock" || return 1
  index=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}
  more=${PIP_EXTRA_INDEX_URL:-$(pip config get global.extra-index-url 2>/dev/null || true)}
  links=${PIP_FIND_LINKS:-$(pip config get global.find-links 2>/dev/null || true)}
  cert=${PIP_CERT:-$(pip config get global.cert 2>/dev/null || true)}
  [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
  # pip takes what fits from any of them; the hashes say that it is the right one.
  [ -z "$more" ] || export UV_INDEX="$(echo $more)" UV_INDEX_STRATEGY=unsafe-best-match
  [ -z "$links" ] || export UV_FIND_LINKS="$(echo $links | tr ' ' ',')"
  [ -z "$cert" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$cert}"
  "$venv/bin/uv" pip install -q --python "$venv/bin/python" --compile-bytecode --require-hashes -r requirements.lock
}
with_uv || pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
# What is installed where it lies is not compiled by pip: no process should have to do it at its start, and where
# PYTHONDONTWRITEBYTECODE is set each would.
"$venv/bin/python" -m compileall -q service billing search migrations
