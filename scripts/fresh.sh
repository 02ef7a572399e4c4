#!/usr/bin/env bash
# Run the README's two commands on a machine that has nothing: a bare Debian 12 in a chroot, from a clean clone of HEAD.
#
#   scripts/fresh.sh               the demo and the tests; then both again with AITK_REQUIRE_E2E=1
#   scripts/fresh.sh COMMAND …     these command lines instead, each in the checkout
#
# Where Debian's packages come from is what this system's apt is set to, or $AITK_FRESH_SOURCE. The index and the
# proxies of pip, uv and npm, and the certificates that variables name, are handed in from this system. The bare
# system is kept for a week as a tarball in the user's cache folder. All else is gone afterwards, also after Ctrl+C: a
# mount and process namespace holds what is mounted and what runs.
set -euo pipefail
cd "$(dirname "$0")/.."

RELEASE=bookworm
PACKAGES=python3,python3-venv,make,git,ca-certificates,bash,procps
CHECKOUT=/root/checkout
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/aitk-inference
DAYS_KEPT=7
HANDED_IN='^((https?|no|all)_proxy|pip_(index_url|extra_index_url|trusted_host|proxy|cert|client_cert|default_timeout)'
HANDED_IN+='|uv_(default_index|index|index_url|extra_index_url|insecure_host|native_tls|http_timeout)'
HANDED_IN+='|npm_config_(registry|proxy|https_proxy|noproxy|cafile|strict_ssl)'
HANDED_IN+='|ssl_cert_file|requests_ca_bundle|curl_ca_bundle|node_extra_ca_certs|git_ssl_cainfo|term)='

fail() {
  echo "make fresh: $*" >&2
  exit 1
}

sources() { # "URI release component" of each of this system's sources of this Debian release
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null \
    | grep -E " $RELEASE(-updates|-security)? main\$" | sort -u
}

mirror() {
  if [ -n "${AITK_FRESH_SOURCE:-}" ]; then
    echo "$AITK_FRESH_SOURCE"
  else
    sources | awk -v release="$RELEASE" '$2 == release { print $1; exit }'
  fi
}

bare_system() { # make the tarball unless a young one is there; print its path
  local tarball=$CACHE/fresh-$RELEASE-$(dpkg --print-architecture).tar from
  if [ -z "$(find "$tarball" -mtime "-$DAYS_KEPT" 2>/dev/null)" ]; then
    from=$(mirror)
    [ -n "$from" ] || fail "apt has no source of Debian $RELEASE here: set AITK_FRESH_SOURCE to the address of one."
    echo "→ making a bare Debian ($RELEASE)" >&2
    mkdir -p "$CACHE"
    eval "$(apt-config shell http_proxy Acquire::http::Proxy)" # what fetches here is not apt
    ${http_proxy:+env http_proxy="$http_proxy"} unshare --mount \
      debootstrap --variant=minbase --include="$PACKAGES" "$RELEASE" "$work/bare" "$from" >"$work/debootstrap.log" 2>&1 \
      || fail "debootstrap failed: $(tail -n 3 "$work/debootstrap.log")"
    tar --one-file-system --numeric-owner -C "$work/bare" -cf "$work/bare.tar" .
    rm -rf --one-file-system "$work/bare"
    mv "$work/bare.tar" "$tarball.new"
    mv "$tarball.new" "$tarball" # the name means that it is whole
  fi
  echo "$tarball"
}

configure_apt() { # what this system's apt knows of Debian, its proxies and checks
  sources | sed 's/^/deb /' >"$root/etc/apt/sources.list"
  [ -s "$root/etc/apt/sources.list" ] || echo "deb $(mirror) $RELEASE main" >"$root/etc/apt/sources.list"
  apt-config dump | grep -E '^Acquire::((http|https)::(Proxy|CaInfo)|Check-)' >"$root/etc/apt/apt.conf.d/90handed-in" || true
}

of_pip() { # pip's settings that say where packages come from; folders of this system are not there
  local name value
  for name in index-url extra-index-url trusted-host proxy cert; do
    value=$(python3 -m pip config get "global.$name" 2>/dev/null | grep -v file: || true)
    [ -z "$value" ] || echo "PIP_$(tr 'a-z-' 'A-Z_' <<<"$name")=$value"
  done
}

of_npm() {
  local name value
  for name in registry proxy https-proxy noproxy cafile; do
    value=$(npm config get "$name" 2>/dev/null || true)
    case $value in '' | null | undefined) ;; *) echo "npm_config_${name//-/_}=$value" ;; esac
  done
}

settings() { # NAME=value lines: where packages come from, and whom to trust
  of_pip
  of_npm
  env | grep -iE "$HANDED_IN"
}

copy_certificates() { # each file that a setting names, to the same path
  local line file
  while read -r line; do
    file=${line#*=}
    if [[ $file == /* && -f $file ]]; then
      mkdir -p "$root$(dirname "$file")"
      cp -L "$file" "$root$file"
    fi
  done
}

inside() { # run one command line in the checkout on the fresh machine
  # its own job: a signal ends this script's wait, and then everything inside at once
  set -m
  unshare --mount --pid --fork --kill-child -- bash -euc '
    root=$1 line=$2; shift 2
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for device in null zero full random urandom tty; do touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
    mkdir "$root/dev/shm" "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s fd/0 "$root/dev/stdin"; ln -s fd/1 "$root/dev/stdout"; ln -s fd/2 "$root/dev/stderr"
    chroot "$root" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" \
      bash -euc "cd $0; $line" || exit  # not exec: the first process here is bash, which buries orphans
  ' "$CHECKOUT" "$root" "$1" "${handed_in[@]}" </dev/null &
  running=$!
  set +m
  wait "$running"
}

step() { # run a command line, say how long it took
  local began=$SECONDS answer=0
  printf '\n== fresh machine: %s ==\n' "$1"
  inside "$1" || answer=$?
  running=
  summary+=$(printf '%6s s  %s  %s' $((SECONDS - began)) "$([ $answer = 0 ] && echo passed || echo "FAILED ($answer)")" "$1")$'\n'
  [ $answer = 0 ] || failed=1
}

clean_up() {
  if [ -n "$running" ]; then
    kill -KILL "$running" 2>/dev/null || true
    wait "$running" 2>/dev/null || true
  fi
  rm -rf --one-file-system "$work"
}

main() {
  [ "$(id -u)" = 0 ] || fail "it needs root (a chroot): sudo make fresh"
  for program in debootstrap unshare apt-get; do
    command -v "$program" >/dev/null || fail "$program is missing: apt-get install debootstrap util-linux"
  done
  [ $# -gt 0 ] || set -- "make demo ONCE=1" "make test" "AITK_REQUIRE_E2E=1 make demo ONCE=1" "AITK_REQUIRE_E2E=1 make test"

  running='' summary='' failed=0
  work=$(mktemp -d "${TMPDIR:-/var/tmp}/aitk-fresh.XXXXXX")
  root=$work/root
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  tarball=$(bare_system)
  mkdir "$root"
  tar -xf "$tarball" -C "$root"
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
  configure_apt
  mapfile -t handed_in < <(settings)
  copy_certificates < <(printf '%s\n' "${handed_in[@]}")
  [ -z "$(git status --porcelain)" ] || echo "→ only what is committed is tried: there are changes that are not"
  git clone --quiet --no-hardlinks . "$root$CHECKOUT"
  commit=$(git -C "$root$CHECKOUT" rev-parse --short HEAD)

  for line; do step "$line"; done
  printf '\nOn a fresh Debian (%s), commit %s:\n%s' "$RELEASE" "$commit" "$summary"
  exit "$failed"
}

main "$@" # all is read before anything runs: this file may change meanwhile
