#!/bin/bash
# What the official entry point does with the variables that our compose file sets, as the user it runs as:
# MYSQL_RANDOM_ROOT_PASSWORD, MYSQL_DATABASE, MYSQL_USER, MYSQL_PASSWORD; options are the command's.
set -eo pipefail
[ "${1:0:1}" = - ] && set -- mysqld "$@"
[ "$1" = mysqld ] || exec "$@"
shift
data=/var/lib/mysql socket=/var/run/mysqld/mysqld.sock base=/usr/local/mysql
server=(mysqld --defaults-file=/etc/my.cnf --basedir=$base --datadir=$data --lc-messages-dir=$base/share
        --socket=$socket --pid-file=/var/run/mysqld/mysqld.pid)
if [ ! -d $data/mysql ]; then
    : "${MYSQL_RANDOM_ROOT_PASSWORD:?the database is empty and no password option is given}"
    "${server[@]}" --initialize-insecure
    "${server[@]}" --skip-networking & temporary=$!
    for _ in $(seq 300); do mysqladmin --no-defaults --socket=$socket -uroot ping >/dev/null 2>&1 && break; sleep 0.1; done
    mysql --no-defaults --socket=$socket -uroot <<SQL
CREATE DATABASE IF NOT EXISTS \`$MYSQL_DATABASE\`;
CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY '$MYSQL_PASSWORD';
GRANT ALL ON \`$MYSQL_DATABASE\`.* TO '$MYSQL_USER'@'%';
ALTER USER 'root'@'localhost' IDENTIFIED BY '$(head -c 18 /dev/urandom | base64)';
SQL
    kill $temporary
    wait $temporary || true
fi
exec "${server[@]}" "$@"
