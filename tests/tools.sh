#!/usr/bin/env bash
# Programs that the tests run for real. As root on Debian they are installed; otherwise the missing ones are named.
set -eu
PATH="$PATH:/usr/sbin:/sbin" # where Debian keeps ip, ethtool and tcpdump; not in everybody's PATH
declare -A package=([tshark]=tshark [capinfos]=wireshark-common [zstd]=zstd [lz4]=lz4 [tmux]=tmux [openssl]=openssl [psql]=postgresql-client
    [ip]=iproute2 [ethtool]=ethtool [tcpdump]=tcpdump [chromium]=chromium [chromedriver]=chromium-driver)
missing=()
for tool in "${!package[@]}"; do
    command -v "$tool" >/dev/null 2>&1 || missing+=("${package[$tool]}")
done
# Debian keeps the programs of the server out of PATH
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || command -v initdb >/dev/null 2>&1 || missing+=(postgresql)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "gpinspect: installing ${missing[*]} for the tests" >&2
    apt-get update -qq
    # RUNLEVEL: a server among them is not started
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
    echo "gpinspect: the tests need these Debian packages: ${missing[*]}" >&2
    echo "install them (sudo apt-get install ${missing[*]}) and run the same command again" >&2
    exit 1
fi
