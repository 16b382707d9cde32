#!/bin/sh
# make dist: the last commit in one file, the same bytes whoever makes it and when, which builds
# where there is no Git. The commit is one of the tree as it is now, in a repository of its own.
set -u
. tests/report.sh

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
version=$(sed -n 's/^#define WAFER_VERSION  *"\(.*\)"/\1/p' include/wafer.h)
name=wafer-$version
# No settings but ours, and none of a commit that is under way.
export GIT_CONFIG_GLOBAL="$folder/gitconfig" GIT_CONFIG_NOSYSTEM=1
unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE

git_quietly() { # FOLDER ARGUMENT...
    where=$1
    shift
    git -C "$where" -c user.name=Somebody -c user.email=somebody@localhost "$@" >"$folder/log" 2>&1 ||
        { cat "$folder/log"; exit 1; }
}
make_in() { # FOLDER ARGUMENT...
    where=$1
    shift
    ${MAKE:-make} -s --no-print-directory -C "$where" "$@" >"$folder/log" 2>&1 || {
        sed 's/^/# /' "$folder/log"
        return 1
    }
}
make_unpacked() { # ARGUMENT...
    make_in "$folder/$name" BUILD=build CC="$CC" CFLAGS=-O0 WERROR="${WERROR--Werror}" "$@"
}

mkdir "$folder/first"
tar -cf - --exclude=./.git --exclude=./build . | tar -xf - -C "$folder/first"
git_quietly "$folder/first" init
git_quietly "$folder/first" add -A
git_quietly "$folder/first" commit -m 'as it is now'
git_quietly "$folder" clone "$folder/first" second

make_in "$folder/first" BUILD="$folder/out" dist
report $? 'it is packed'
contains 'and told where' "/out/$name.tar.gz\$" "$folder/log"

# ---- Always the same ----

cp "$folder/out/$name.tar.gz" "$folder/first.tar.gz"
find "$folder/second" -type f -exec touch -d '2001-01-01' {} +
printf '/* later */\n' >>"$folder/second/include/wafer.h"
echo new >"$folder/second/new"
printf '[tar]\n\tumask = 0077\n[core]\n\tautocrlf = true\n\tattributesFile = %s\n' \
    "$folder/attributes" >"$folder/gitconfig"
printf 'README.md export-ignore\n' >"$folder/attributes"
(umask 027 && TZ=Asia/Tokyo make_in "$folder/second" BUILD="$folder/out" dist)
report $? 'it is packed again in a clone with changes, at another time, with other settings'
contains 'which says that changes stay out' 'not committed stay out' "$folder/log"
cmp "$folder/first.tar.gz" "$folder/out/$name.tar.gz"
report $? 'and it is the same bytes'
: >"$folder/gitconfig"
sed -i 's/^\(#define WAFER_VERSION  *\).*/\1"99.0.0"/' "$folder/second/include/wafer.h"
make_in "$folder/second" BUILD="$folder/out" dist
equals 'the version is that of the commit' "$folder/out/$name.tar.gz" "$(tail -n 1 "$folder/log")"

# ---- What is in it ----

(cd "$folder/first" && git ls-files | sed "s|^|$name/|" | sort) >"$folder/expected"
tar -tzf "$folder/first.tar.gz" | grep -v '/$' | sort >"$folder/packed"
cmp "$folder/expected" "$folder/packed"
report $? 'it has every file of the commit and no other'
equals 'all below one folder' "$name" "$(tar -tzf "$folder/first.tar.gz" | cut -d/ -f1 | sort -u)"

# ---- It builds without Git ----

tar -xzf "$folder/first.tar.gz" -C "$folder"
mkdir "$folder/bin"
printf '#!/bin/sh\necho called >>"%s"\nexit 1\n' "$folder/git-was" >"$folder/bin/git"
chmod +x "$folder/bin/git"
PATH=$folder/bin:$PATH
make_unpacked -j2 all amalgamation
report $? 'what is unpacked builds, also as one file'
equals 'its command has the version' "$version" \
    "$("$folder/$name/build/wafer" version 2>&1 | sed -n 's/^wafer //p')"
[ -s "$folder/$name/build/amalgamation/wafer.c" ]
report $? 'its one file is there'
make_unpacked install DESTDIR="$folder/stage" PREFIX=/usr
report $? 'it can be installed'
[ ! -e "$folder/git-was" ]
report $? 'and Git was not asked'
! make_unpacked dist
report $? 'packing what was unpacked is refused'
contains 'which says where to' 'clone of the repository' "$folder/log"

echo "$total tests, $failed failed"
[ "$failed" -eq 0 ]
