#!/usr/bin/env bash
# Builds the image where there is neither a container engine nor a registry of images: Debian's debootstrap makes a stand-in for the
# base image (bookworm with its own Python 3.11), buildah runs the Dockerfile on it, unchanged. As root, with the Debian packages
# buildah and debootstrap. The result is for trying out; what is given to others is built on the real base image.
#   deploy/build-without-engine.sh [NAME]        NAME: daka by default; the image stays in $CONTAINERS (/var/lib/daka-containers)
# This machine's certificates are mounted while building and do not stay in the image.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:-daka}
base=docker.io/library/python:3.11-slim-bookworm
mirror=${DEBIAN:-http://deb.debian.org/debian}
store=${CONTAINERS:-/var/lib/daka-containers}
export BUILDAH_ISOLATION=chroot
buildah=(buildah --root "$store" --runroot "$store/run")

for program in buildah debootstrap; do
  command -v "$program" >/dev/null || { echo "缺少 $program：apt-get install buildah debootstrap" >&2; exit 1; }
done

if ! "${buildah[@]}" images --quiet "$base" >/dev/null 2>&1; then
  container=$("${buildah[@]}" from scratch)
  root=$("${buildah[@]}" mount "$container")
  debootstrap --variant=minbase --include=ca-certificates,netbase,tzdata,python3.11,python3-pip bookworm "$root" "$mirror"
  # As in the real base image: python and python3 in /usr/local/bin, pip may install, the sources in one deb822 file, no lists.
  ln -s /usr/bin/python3.11 "$root/usr/local/bin/python3"
  ln -s python3 "$root/usr/local/bin/python"
  rm -f "$root/usr/lib/python3.11/EXTERNALLY-MANAGED" "$root/etc/apt/sources.list"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n' \
    "$mirror" "bookworm bookworm-updates" "${mirror%/debian}/debian-security" bookworm-security >"$root/etc/apt/sources.list.d/debian.sources"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  "${buildah[@]}" umount "$container" >/dev/null
  "${buildah[@]}" config --cmd python3 "$container"
  "${buildah[@]}" commit --quiet --rm "$container" "$base" >/dev/null
fi

# The docker format alone keeps HEALTHCHECK.
"${buildah[@]}" bud --pull-never --format docker --volume /etc/ssl/certs:/etc/ssl/certs:ro --tag "$name" .
"${buildah[@]}" images "$name"
