#!/bin/sh
# Starts MySQL 8 in the foreground on loopback; makes its data folder, the schema and the user of MYSQL_URL the
# first time. Needs PIN_HOME, MYSQL_URL, MYSQL_PORT and MYSQLD (the server's binary).
set -eu
data=$PIN_HOME/data/mysql
run=$PIN_HOME/run/mysql
mkdir -p "$run/tmp"
# mysql://user:password@host:port/schema
account=${MYSQL_URL#*://}
schema=${account##*/}
account=${account%@*}
user=${account%%:*}
password=${account#*:}

# a relative socket lies in the data folder; a whole path could be longer than the system allows (107 bytes)
base=$(dirname "$(dirname "$MYSQLD")")
set -- --defaults-file="$(dirname "$0")/mysqld.cnf" --basedir="$base" --datadir="$data" --tmpdir="$run/tmp" --socket=mysql.sock
[ -d "$base/share/english" ] && set -- "$@" --lc-messages-dir="$base/share"
[ "$(id -u)" = 0 ] && set -- "$@" --user=root

if [ ! -d "$data/mysql" ]; then
    # into a folder of its own first: a killed first start leaves no half data folder behind
    rm -rf "$data" "$data.new"
    mkdir -p "$PIN_HOME/data"
    "$MYSQLD" "$@" --datadir="$data.new" --initialize-insecure
    mv "$data.new" "$data"
fi
umask 077
cat > "$run/init.sql" <<SQL
CREATE DATABASE IF NOT EXISTS $schema CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS '$user'@'127.0.0.1' IDENTIFIED BY '$password';
ALTER USER '$user'@'127.0.0.1' IDENTIFIED BY '$password';
GRANT ALL ON $schema.* TO '$user'@'127.0.0.1';
SQL
exec "$MYSQLD" "$@" --init-file="$run/init.sql" --bind-address=127.0.0.1 --port="$MYSQL_PORT" \
    --pid-file="$run/mysql.pid"
