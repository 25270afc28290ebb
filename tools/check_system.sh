#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Say in one line what the build needs and this system lacks; as root on Debian, install it.
# Knows nothing of Python packages: those come with pip. Usage: tools/check_system.sh [PYTHON]
set -eu
python=${1:-python3}
missing=
packages=

lack() {
    missing="$missing${missing:+, }$1"
    packages="$packages${packages:+ }$2"
}

look() {
    missing=
    packages=
    if ! command -v "${CC:-cc}" >/dev/null 2>&1; then
        lack "a C compiler (${CC:-cc})" "gcc libc6-dev"
    fi
    if ! command -v "$python" >/dev/null 2>&1; then
        lack "Python ($python)" "python3 python3-venv python3-dev"
    elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
        lack "Python 3.10 or later ($python is older; see PYTHON=)" "python3 python3-venv python3-dev"
    else
        if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            lack "Python's venv module" "python3-venv"
        fi
        if ! "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'; then
            lack "Python's C headers" "python3-dev"
        fi
        if ! "$python" -c 'import ctypes.util, sys
sys.exit(ctypes.util.find_library("opus") is None)'; then
            lack "libopus" "libopus0"
        fi
    fi
}

look
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "dred: missing on this system: $missing; installing: apt-get install $packages" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of packages
    apt-get install -y -qq --no-install-recommends $packages >/dev/null 2>&1 ||
        { apt-get update -qq >/dev/null &&
            apt-get install -y -qq --no-install-recommends $packages >/dev/null; } || true
    look
    [ -z "$missing" ] && exit 0
fi
echo "dred: missing on this system: $missing. On Debian or Ubuntu: sudo apt-get install $packages" >&2
exit 1
