#!/bin/sh
# CMake's find_package(wafer): README's project, outside the tree, finds what is installed, though
# it was moved after its installation; each target links, versions and components are checked.
set -u
. tests/report.sh

built_at=$(cd "$BUILD" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
prefix=$folder/elsewhere/prefix

${MAKE:-make} -s --no-print-directory BUILD="$BUILD" CC="$CC" WERROR="${WERROR--Werror}" install \
    DESTDIR= PREFIX="$folder/prefix" LIBDIR="$folder/prefix/lib" >"$folder/log" 2>&1 ||
    { cat "$folder/log"; exit 1; }
mkdir "$folder/elsewhere"
mv "$folder/prefix" "$folder/elsewhere"
version=$(sed -n 's/^#define WAFER_VERSION  *"\(.*\)"/\1/p' include/wafer.h)
major=${version%%.*}

# Runs CMake on the project in a folder; what it says is in the log beside.
configure() { # NAME
    cmake -S "$folder/$1" -B "$folder/$1/build" -DCMAKE_C_COMPILER="$CC" \
        -DCMAKE_PREFIX_PATH="$prefix" >"$folder/$1/log" 2>&1
}
built() { # NAME: with what it said when it failed
    configure "$1" && cmake --build "$folder/$1/build" >>"$folder/$1/log" 2>&1
    status=$?
    [ $status -eq 0 ] || cat "$folder/$1/log"
    return $status
}

readmes_project() {
    mkdir "$folder/readme"
    readme_block cmake >"$folder/readme/CMakeLists.txt"
    readme_block c >"$folder/readme/visits.c"
    built readme
    report $? "README's project is built with what was installed and moved"
    "$built_at/wafer" keys new "$folder/readme/session.keys" >"$folder/log" 2>&1
    (cd "$folder/readme" && env -u HTTP_COOKIE build/visits) >"$folder/visit" 2>&1
    contains 'and counts a visit' '^visit 1' "$folder/visit"
}

# ---- Targets ----

# They print the version; the second first fails to open one in a folder that is not there.
write_programs() {
    cat >"$folder/targets/plain.c" <<'PROGRAM'
#include <stdio.h>
#include <wafer.h>

int main(void)
{
    char line[WAFER_KEYS_LINE_MAX];

    return wafer_keys_generate(line, NULL, NULL) != WAFER_OK || puts(wafer_version()) < 0;
}
PROGRAM
    cat >"$folder/targets/journal.c" <<'PROGRAM'
#include <stdio.h>
#include <wafer/lmdb.h>

int main(void)
{
    wafer_lmdb_settings settings = WAFER_LMDB_SETTINGS_INIT;
    wafer_revocations_settings table = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations *list;

    settings.path = "no-folder/journal";
    table.on_start = WAFER_START_FORGETS;
    return wafer_lmdb_open(&settings, &table, &list, NULL) == WAFER_OK || puts(wafer_version()) < 0;
}
PROGRAM
}
linked() { # PROGRAM NEEDED: it runs, and these libraries of ours are what it needs
    equals "a program with wafer::$1 runs" "$version" "$("$folder/targets/build/$1" 2>&1)"
    equals "and needs of shared libraries of ours: ${2:-none}" "$2" \
        "$(readelf -d "$folder/targets/build/$1" | sed -n 's/.*NEEDED.*\[\(libwafer.*\)\]/\1/p' |
            sort | xargs)"
}
targets() {
    mkdir "$folder/targets"
    write_programs
    {
        printf 'cmake_minimum_required(VERSION 3.10)\nproject(targets C)\n'
        printf 'find_package(wafer REQUIRED)\n'
        printf 'add_executable(wafer plain.c)\ntarget_link_libraries(wafer wafer::wafer)\n'
        printf 'add_executable(static plain.c)\ntarget_link_libraries(static wafer::static)\n'
        printf 'target_link_libraries(static -static)\n'
        printf 'if(TARGET wafer::lmdb)\n'
        printf '    add_executable(lmdb journal.c)\n    target_link_libraries(lmdb wafer::lmdb)\n'
        printf '    add_executable(lmdb-static journal.c)\n'
        printf '    target_link_libraries(lmdb-static wafer::lmdb-static)\nendif()\n'
    } >"$folder/targets/CMakeLists.txt"
    built targets
    report $? 'programs with every target are built'
    linked wafer "libwafer.so.$major"
    linked static ''
    if [ -e "$prefix/lib/libwafer-lmdb.a" ]; then
        linked lmdb "libwafer-lmdb.so.$major libwafer.so.$major"
        linked lmdb-static ''
    fi
}

# ---- Versions and components ----

found() { # SENTENCE WHETHER ARGUMENTS: what find_package says to them
    printf 'find_package(wafer %s QUIET)\n' "$3"
    printf 'if(wafer_FOUND)\n    set(found yes)\nelse()\n    set(found no)\nendif()\n'
    printf 'file(APPEND "${CMAKE_BINARY_DIR}/found" "%s: ${found}\\n")\n' "$1"
    echo "$1: $2" >>"$folder/questions/expected"
}
questions() {
    mkdir "$folder/questions"
    {
        printf 'cmake_minimum_required(VERSION 3.19)\nproject(questions NONE)\n'
        found 'this version' yes "$version EXACT"
        found 'an older one of the same first number' yes "$major.0"
        found 'a newer one' no "$major.9999"
        found 'one of another first number' no "$((major + 1)).0"
        found 'a range around it' yes "$major.0...$((major + 1))"
        found 'a range up to it' yes "$major.0...$version"
        found 'a range that ends before it' no "$major.0...<$version"
        found 'a component that there is not' no 'COMPONENTS sugar'
        found 'an optional one that there is not' yes 'OPTIONAL_COMPONENTS sugar'
        found 'the static library as a component' yes 'COMPONENTS static'
    } >"$folder/questions/CMakeLists.txt"
    configure questions || cat "$folder/questions/log"
    while IFS=: read -r question answer; do
        equals "asked for $question, it is found:$answer" "$question:$answer" \
            "$(grep -F "$question:" "$folder/questions/build/found")"
    done <"$folder/questions/expected"
}
a_lost_library() {
    rm "$prefix/lib/libwafer.so.$version"
    ! configure readme
    report $? 'without the library nothing is found'
    contains 'which is said' "libwafer.so.$version is not installed" "$folder/readme/log"
}

readmes_project
targets
questions
a_lost_library

echo "$total tests, $failed failed"
[ "$failed" -eq 0 ]
