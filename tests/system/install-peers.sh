#!/bin/sh
# Installs the Debian packages some tests talk to (peers none of us wrote), once, and only where that is allowed.
# Where it is not, those tests are skipped and say so; in CI a skip is a failure.
set -u
packages="gcc libc6-dev libmodbus-dev mbpoll dbus chromium"
stamp="$(dirname "$0")/../../.venv/.peers"
[ -e "$stamp" ] && exit 0
missing=""
for p in $packages; do
  dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"
done
if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
    echo "tests: not installed here:$missing (needs root and apt-get); the tests that need them are skipped"
    exit 0
  fi
  echo "tests: installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/tmp/motorpool-peers.log 2>&1 || {
    echo "tests: apt-get failed, see /tmp/motorpool-peers.log; the tests that need$missing are skipped"
    exit 0
  }
fi
touch "$stamp"
