#!/bin/sh
# The servers and the browser that the tests start: install what is missing where we may, else name it and fail.
set -eu

missing=
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || missing="$missing postgresql"
{ [ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null 2>&1; } || missing="$missing mariadb-server"
{ [ -x /usr/sbin/sshd ] || command -v sshd >/dev/null 2>&1; } || missing="$missing openssh-server"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
# Microsoft's driver for SQL Server brings all but this.
ls /usr/lib/*/libltdl.so.7 >/dev/null 2>&1 || missing="$missing libltdl7"

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

# DuckDB with its reader of Iceberg tables: another engine than the one that writes them. Its parts fit one version only.
reader=.venv/iceberg_reader
if [ ! -e "$reader/.whole" ]; then
    .venv/bin/uv venv --quiet --clear --python .venv/bin/python "$reader"
    .venv/bin/uv pip install --quiet --python "$reader/bin/python" \
        duckdb==1.5.5 duckdb-extensions duckdb-extension-avro==1.5.5 duckdb-extension-iceberg==1.5.5
    HOME="$PWD/$reader" "$reader/bin/python" -c \
        'import duckdb_extensions as d; d.import_extension("avro"); d.import_extension("iceberg")'
    touch "$reader/.whole"
fi

# fakesnow, a stand-in for a Snowflake account; it needs a DuckDB and a parser of its own versions.
fakesnow=.venv/fakesnow
if [ ! -e "$fakesnow/.whole" ]; then
    .venv/bin/uv venv --quiet --clear --python .venv/bin/python "$fakesnow"
    .venv/bin/uv pip install --quiet --python "$fakesnow/bin/python" --compile-bytecode \
        'fakesnow[server]==0.12.1' 'snowflake-connector-python==4.8.1'
    touch "$fakesnow/.whole"
fi

# An emulator of BigQuery. It looks for DuckDB's extensions below its home, and needs numpy without saying so.
emulator=.venv/bqemulator
if [ ! -e "$emulator/.whole" ]; then
    .venv/bin/uv venv --quiet --clear --python .venv/bin/python "$emulator"
    .venv/bin/uv pip install --quiet --python "$emulator/bin/python" \
        bqemulator==1.4.0 numpy duckdb==1.5.5 duckdb-extensions duckdb-extension-icu==1.5.5 duckdb-extension-spatial==1.5.5
    HOME="$PWD/$emulator" "$emulator/bin/python" -c \
        'import duckdb_extensions as d; d.import_extension("icu"); d.import_extension("spatial")'
    touch "$emulator/.whole"
fi
