#!/bin/sh
# make deb: packages that lintian has nothing against, that ask for what they need and for no more,
# and that can be installed, used and removed; in a root of their own, so that nothing of the
# machine is touched. That root knows which packages the machine has.
set -u
. tests/report.sh

command -v dpkg-buildpackage >/dev/null || { echo "skipped: no dpkg-buildpackage"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/root
packages=$folder/build/deb
version=$(sed -n 's/^#define WAFER_VERSION  *"\(.*\)"/\1/p' include/wafer.h)
machine=$(dpkg-architecture -qDEB_HOST_MULTIARCH)

field() { # PACKAGE NAME
    dpkg-deb -f "$packages/$1"_*.deb "$2"
}
needs() { # PACKAGE OTHER...: of shared libraries, beside the C library
    package=$1
    shift
    equals "$package needs what it links and no more" "$*" \
        "$(field "$package" Depends | tr ',' '\n' | sed 's/^ *//; s/ .*//' | grep -v '^libc6' |
            sort | xargs)"
}
dpkg_there() { # ARGUMENT...
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=fakeroot
    PATH=$PATH:/usr/sbin:/sbin $as_root dpkg --root="$root" --log=/dev/null "$@" >"$folder/log" 2>&1
}
files() {
    (cd "$root" && find . ! -type d ! -path './var/lib/dpkg/*' | sort)
}

# ---- The packages ----

maintainer="Jane O'Neill & Sons <packages@wafer.example>"
${MAKE:-make} -s --no-print-directory BUILD="$folder/build" MAINTAINER="$maintainer" deb \
    >"$folder/log" 2>&1
built=$?
report $built 'they are built'
[ $built -eq 0 ] || { cat "$folder/log"; exit 1; }
equals 'by whom was said' "$maintainer" "$(field libwafer0 Maintainer)"
lacks 'without a warning' '[Ww]arning' "$packages/log"
needs libwafer0 libb64-0d libsodium23
needs libwafer-lmdb0 liblmdb0 libwafer0
needs libwafer-redis0 libhiredis0.14 libsodium23 libwafer0
needs wafer-tools libb64-0d libhiredis0.14 liblmdb0 libsodium23
needs libwafer-dev libb64-dev libhiredis-dev liblmdb-dev libsodium-dev libwafer-lmdb0 libwafer-redis0 libwafer0

# Without manual pages in the tree there can be none in the package.
manual=
ls src/tool/*.1 >/dev/null 2>&1 || manual='--suppress-tags no-manual-page'
# shellcheck disable=SC2086 # two words or none
lintian --fail-on error,warning --pedantic $manual "$packages"/*.changes >"$folder/lintian" 2>&1
report $? 'lintian has nothing against them'
grep '^[A-Z]: ' "$folder/lintian" | sed 's/^/# /'

# ---- Installing and using them ----

mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
awk 'BEGIN { RS = ""; ORS = "\n\n" } !/^Package: (lib)?wafer/' /var/lib/dpkg/status \
    >"$root/var/lib/dpkg/status"
dpkg_there --install "$packages"/*.deb
installed=$?
report $installed 'they are installed, with all that they need'
[ $installed -eq 0 ] || grep -v '^dpkg: warning: files list' "$folder/log"

compile() { # PROGRAM OPTION...
    program=$1
    shift
    # shellcheck disable=SC2046 # several words
    "$CC" "$folder/visits.c" -o "$folder/$program" "$@" \
        $(PKG_CONFIG_PATH=$root/usr/lib/$machine/pkgconfig pkg-config \
            --define-variable=prefix="$root/usr" ${1:+--static} --cflags --libs wafer)
}
visits() { # PROGRAM
    (cd "$folder" && LD_LIBRARY_PATH=$root/usr/lib/$machine env -u HTTP_COOKIE "./$1") \
        >"$folder/visit" 2>&1
    contains "and counts a visit" '^visit 1' "$folder/visit"
}
readme_block c >"$folder/visits.c"
"$root/usr/bin/wafer" keys new "$folder/session.keys" >"$folder/log" 2>&1
report $? 'the command makes keys'
compile shared
report $? "README's program is compiled with the shared library"
visits shared
compile static -static
report $? 'and with the static one'
visits static
readelf -S "$root/usr/lib/$machine/libwafer.so.$version" >"$folder/sections"
lacks 'the library carries nothing for debuggers' '\.debug' "$folder/sections"
mkdir "$folder/project"
readme_block cmake >"$folder/project/CMakeLists.txt"
cp "$folder/visits.c" "$folder/project"
cmake -S "$folder/project" -B "$folder/project/build" -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_PREFIX_PATH="$root/usr" >"$folder/log" 2>&1
report $? "CMake finds it where Debian's libraries are"

# ---- Removing them ----

! dpkg_there --remove libwafer0
report $? 'the library stays while others need it'
dpkg_there --purge wafer-tools libwafer-dev libwafer-lmdb0 libwafer-redis0 libwafer0
report $? 'they are removed'
equals 'and nothing is left' '' "$(files)"
equals 'no folder either' 'var' "$(ls "$root")"

echo "$total tests, $failed failed"
[ "$failed" -eq 0 ]
