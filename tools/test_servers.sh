#!/bin/sh
# The servers and the browser that the tests start: install what is missing where we may, else name it and fail.
set -eu

missing=
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || missing="$missing postgresql"
{ [ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null 2>&1; } || missing="$missing mariadb-server"
{ [ -x /usr/sbin/sshd ] || command -v sshd >/dev/null 2>&1; } || missing="$missing openssh-server"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"

azurite=.venv/azurite
[ -d "$azurite/node_modules/azurite" ] || command -v npm >/dev/null 2>&1 || missing="$missing npm"

if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq
        # shellcheck disable=SC2086 - one word for each package
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    else
        echo "The tests need these Debian packages, please install them:$missing" >&2
        exit 1
    fi
fi

# Azure's own emulator, the only server of the tests that comes from npm. Newer versions need a newer Node.
[ -d "$azurite/node_modules/azurite" ] ||
    npm install --silent --no-audit --no-fund --prefix "$azurite" azurite@3.35.0
