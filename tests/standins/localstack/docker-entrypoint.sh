#!/bin/bash
# As the official entry point: LOCALSTACK_FOO means FOO, but for a few.
while IFS='=' read -r name _; do
    case $name in
        LOCALSTACK_HOST | LOCALSTACK_VOLUME_DIR | LOCALSTACK_AUTH_TOKEN) ;;
        LOCALSTACK_*) export "${name#LOCALSTACK_}=${!name}" ;;
    esac
done < <(env)
exec python -m localstack.runtime.main
