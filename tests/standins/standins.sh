#!/usr/bin/env bash
# A container engine and the images that the compose file asks for, where no image registry can be reached: made from
# Debian's packages and the package registries. Run it as root in a checkout after `make setup`.
#
#   tests/standins/standins.sh up       install and start the engine on a socket of its own, make compose and the images
#   eval "$(tests/standins/standins.sh env)"       then `docker compose …` talks to that engine
#   tests/standins/standins.sh stop     end the engine and its containers, undo its firewall rules; images and data stay
#   tests/standins/standins.sh remove   and remove all it kept
#
# Where images can be pulled none of this is needed.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/standins
# outside the tree: Docker's build context must not hold Docker's data
engine=${PIN_ENGINE:-${XDG_CACHE_HOME:-$HOME/.cache}/pinpipe-standins}
export DOCKER_HOST=unix://$engine/docker.sock DOCKER_CONFIG=$engine/config
# the engine is 20.10: Docker's own builder, not buildx
export DOCKER_BUILDKIT=0 COMPOSE_BAKE=false
compose_version=v2.40.3
base=debian:bookworm-slim

say() { echo "stand-ins: $*"; }

install_engine() {
    command -v dockerd >/dev/null && command -v iptables >/dev/null && command -v debootstrap >/dev/null && return
    say "installing the engine from Debian's packages"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables debootstrap >/dev/null
}

start_engine() {
    docker version >/dev/null 2>&1 && return
    mkdir -p "$engine"
    say "starting the engine on $engine/docker.sock"
    iptables-save >"$engine/iptables.before"
    # address ranges from the benchmark block, which no network in use has
    setsid dockerd --data-root "$engine/data" --exec-root "$engine/run" --pidfile "$engine/dockerd.pid" -H "$DOCKER_HOST" \
        --bip 198.18.0.1/24 --default-address-pool base=198.18.8.0/21,size=26 >"$engine/dockerd.log" 2>&1 </dev/null &
    for _ in $(seq 60); do docker version >/dev/null 2>&1 && return; sleep 0.5; done
    tail -n 5 "$engine/dockerd.log" >&2
    say "the engine does not start, its log is $engine/dockerd.log" >&2
    return 1
}

# `go install` refuses compose for its replace lines: its source is built where the module cache put it
make_compose() {
    local plugin=$engine/config/cli-plugins/docker-compose source
    [ -x "$plugin" ] && return
    say "building compose $compose_version (some CPU minutes, once)"
    source=$(cd / && go mod download -json "github.com/docker/compose/v2@$compose_version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    mkdir -p "$(dirname "$plugin")"
    (cd "$source" && CGO_ENABLED=0 go build -buildvcs=false -trimpath -o "$plugin.new" \
        -ldflags "-s -w -X github.com/docker/compose/v2/internal.Version=$compose_version" ./cmd)
    mv "$plugin.new" "$plugin"
}

has() { docker image inspect "$1" >/dev/null 2>&1; }

make_base() {
    has "$base" && return
    say "making $base by debootstrap"
    local folder=$engine/base
    rm -rf "$folder"
    debootstrap --variant=minbase --include=ca-certificates bookworm "$folder" >"$engine/debootstrap.log" \
        || { tail -n 5 "$engine/debootstrap.log" >&2; return 1; }
    # certificates that only this host trusts: what builds download must be trusted as here
    python3 - "$folder/usr/local/share/ca-certificates" <<'PY'
import pathlib, re, sys
pattern = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.S)
bare = lambda text: "".join(text.split())
known = {bare(found) for file in pathlib.Path("/usr/share/ca-certificates").rglob("*.crt") for found in pattern.findall(file.read_text())}
extra = [found for found in pattern.findall(pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_text()) if bare(found) not in known]
for number, text in enumerate(extra):
    pathlib.Path(sys.argv[1], f"host-{number}.crt").write_text(text + "\n")
PY
    chroot "$folder" update-ca-certificates >/dev/null 2>&1
    rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/*
    local bundle=/etc/ssl/certs/ca-certificates.crt variable changes=()
    for variable in SSL_CERT_FILE PIP_CERT REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS; do
        changes+=(-c "ENV $variable=$bundle")
    done
    tar -C "$folder" -c . | docker import "${changes[@]}" - "$base" >/dev/null
    rm -rf "$folder"
}

# what a stand-in's Dockerfile copies, from what set-up has made
fill() {
    case $1 in
        mysql) cp -r "$root/.pinpipe/tools/mysql" "$2/mysql" ;;
        kafka) cp -r "$root/.pinpipe/jars/kafka" "$2/libs" ;;
        python312) copy_python "$root/.venv-airflow" "$2/python" ;;
        localstack)
            cp "$root/requirements/localstack.txt" "$2/"
            copy_python "$root/.venv-localstack" "$2/python" ;;
    esac
}

# the host's Python that an environment is made with, without what was installed into it
copy_python() {
    local python
    python=$(readlink -f "$1/bin/python")
    mkdir "$2"
    tar -C "$(dirname "$(dirname "$python")")" --exclude=__pycache__ --exclude=test --exclude='*.a' --exclude='site-packages/*' -c bin lib \
        | tar -C "$2" -x
}

make_image() {
    local tag context
    tag=$(tag_of "$1")
    has "$tag" && return
    say "making $tag"
    context=$(mktemp -d)
    cp -r "$here/$1/." "$context"
    fill "$1" "$context"
    docker build -q -t "$tag" "$context" >/dev/null || { rm -rf "$context"; return 1; }
    rm -rf "$context"
}

tag_of() { sed -n 's/^# stands in for: //p' "$here/$1/Dockerfile"; }

names="python python312 mysql kafka localstack"

made() { for name in $names; do tag_of "$name"; done | sort; }

# the tags that the compose file and the Dockerfiles behind it name; what is built here is named pinpipe/…
wanted() {
    { sed -n 's/^ *image: //p' "$root/docker-compose.yml" | grep -v '^pinpipe/'
      sed -n 's/^ARG [A-Z_]*_IMAGE=//p' $(git -C "$root" ls-files -co --exclude-standard "$root/services" "$root/localstack" | sed "s|^|$root/|" | grep Dockerfile)
    } | sort -u
}

# each stand-in says what is really in it
contents() {
    local run="docker run --rm --network none --entrypoint"
    echo "$(tag_of python): $($run python "$(tag_of python)" --version), Debian's"
    echo "$(tag_of python312): $($run python3 "$(tag_of python312)" --version), the host's"
    echo "$(tag_of mysql): $($run mysqld "$(tag_of mysql)" --version | sed 's/.*Ver/MySQL/') -- not the tag's version"
    echo "$(tag_of kafka): $($run sh "$(tag_of kafka)" -c 'ls /opt/kafka/libs/kafka_2.13-*.jar')"
    echo "$(tag_of localstack): localstack-core $($run /opt/code/localstack/.venv/bin/python "$(tag_of localstack)" \
        -c 'import sys, importlib.metadata as m; print(m.version("localstack-core"), "on Python", sys.version.split()[0])')"
}

up() {
    [ "$(id -u)" = 0 ] || { say "the engine runs as root: run this as root" >&2; exit 1; }
    [ -d "$root/.pinpipe/jars/kafka" ] || { say "run 'make setup' first: the images hold what it fetched" >&2; exit 1; }
    diff <(made) <(wanted) || { say "< has a stand-in and is not asked for, > is asked for and has none" >&2; exit 1; }
    install_engine
    start_engine
    make_compose
    make_base
    for name in $names; do make_image "$name"; done
    contents
}

stop() {
    [ -f "$engine/dockerd.pid" ] || return 0
    local pid running
    pid=$(cat "$engine/dockerd.pid")
    running=$(docker ps -q 2>/dev/null) || true
    # shellcheck disable=SC2086  # ids without blanks
    [ -z "$running" ] || docker stop -t 5 $running >/dev/null
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 60); do kill -0 "$pid" 2>/dev/null || break; sleep 0.5; done
    ip link delete docker0 2>/dev/null || true
    iptables-restore <"$engine/iptables.before"
}

case ${1:-} in
    up) up ;;
    env) echo "export DOCKER_HOST=$DOCKER_HOST DOCKER_CONFIG=$DOCKER_CONFIG DOCKER_BUILDKIT=0 COMPOSE_BAKE=false" ;;
    stop) stop ;;
    remove) stop; rm -rf "$engine" ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
