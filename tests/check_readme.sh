#!/bin/sh
# README.md tells the truth: its program compiles as it stands there and counts visits; every block
# of commands runs, in order, in a folder that looks like a clone after `make`, and prints what its
# comments claim; commands that stand indented run, or another script is known to try them; the
# goals and files that it names are there.
set -u
. tests/report.sh

[ -x "$BUILD/wafer" ] || { echo "skipped: there is no $BUILD/wafer"; exit 77; }
[ -x "$BUILD/wafer-demo" ] || { echo "skipped: there is no $BUILD/wafer-demo"; exit 77; }

folder=$(mktemp -d)
built=$(cd "$BUILD" && pwd)
tests=$(cd tests && pwd)
clone=$folder/clone
: >"$folder/pids"

cleanup() {
    while read -r pid; do kill -TERM "$pid" 2>/dev/null; done <"$folder/pids"
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

mkdir "$clone" "$folder/said" "$folder/operator"
cp -R include "$clone"
ln -s "$built" "$clone/build"
# Commands keep a journal where the library has one, and are the same with a file.
journal=lmdb:
"$BUILD/wafer" revocations check --revocations "lmdb:$folder/none" 2>&1 |
    grep -q 'built without LMDB' && journal=file:lists/

# ---- The program ----

visit() { # NAME COOKIE: a visit with a cookie, or without when it is empty
    (cd "$clone" && env ${2:+"HTTP_COOKIE=$2"} ./visits) >"$folder/$1" 2>&1
    report $? "the $1 visit is answered"
}
the_program() {
    readme_block c >"$clone/visits.c"
    "$CC" -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude "$clone/visits.c" \
        "$BUILD/libwafer.a" -lsodium -lb64 -lpthread -o "$clone/visits"
    report $? 'the program compiles without a warning'
    "$BUILD/wafer" keys new "$clone/session.keys" >"$folder/log"
    unset HTTP_COOKIE
    visit first ''
    contains 'it is the first' '^visit 1' "$folder/first"
    cookie=$(sed -n 's/^Set-Cookie: *\([^;]*\);.*/\1/p' "$folder/first" | tr -d '\r')
    visit second "$cookie"
    contains 'the cookie makes it the second' '^visit 2' "$folder/second"
    visit forged "${cookie%????}AAAA"
    contains 'a changed cookie starts again at 1' '^visit 1' "$folder/forged"
    rm "$clone/visits" "$clone/session.keys"
}

# ---- Blocks of commands ----

# Begins a script that runs a block. HTTP errors are failures; servers choose free ports.
begin_script() {
    cat <<SCRIPT
. "$tests/report.sh"
curl() { command curl -f --max-time 10 "\$@"; }
sign_ada_in() { # at each server that the block started
    for log in \$servers; do
        await_address "\$log"
        token=\$(curl -s -c "\$log.jar" "\${url}csrf")
        curl -s -b "\$log.jar" -c "\$log.jar" -d user=ada -d "csrf=\$token" "\${url}login"
    done
}
who_is_there() {
    for log in \$servers; do
        await_address "\$log"
        curl -s -b "\$log.jar" "\${url}whoami"
    done
}
servers=
SCRIPT
}
# The part of the script for one line; what it prints goes to AT, its status to AT.status.
script_line() { # LINE AT
    command=$(printf '%s' "$1" | sed -e "s|http://127.0.0.1:8080/|$url|g" \
        -e 's/--port 808[0-9]/--port 0/' -e "s|lmdb:lists|${journal}lists|")
    case $1 in *'# both refuse ada'*) printf 'sign_ada_in\nwho_is_there >"%s.before"\n' "$2" ;; esac
    printf '{\n%s\n} >"%s" 2>&1\necho $? >"%s.status"\n' "$command" "$2" "$2"
    case $1 in
    *'&') printf 'echo $! >>"%s/pids"\nservers="$servers %s"\n' "$folder" "$2" ;;
    *'# both refuse ada'*) printf 'who_is_there >"%s.after"\n' "$2" ;;
    esac
}
# Whether a line did what it should, and what its comment claims.
judge_line() { # LINE AT
    equals "it runs: $1" 0 "$(cat "$2.status" 2>/dev/null)"
    [ "$(cat "$2.status")" = 0 ] || sed 's/^/# /' "$2"
    claim=$(printf '%s' "$1" | sed -n 's/.* # *//p')
    case $claim in
    '') ;;
    'both refuse ada from now on')
        equals 'ada was signed in at both' 2 "$(grep -c '^verdict: valid$' "$2.before")"
        equals 'and is refused by both' 2 "$(grep -c '^verdict: revoked$' "$2.after")"
        ;;
    *': '*) contains "it prints what is claimed: $claim" "^$claim\$" "$2" ;;
    *) report 1 "the claim \"$claim\" is one that this script can judge" ;;
    esac
}
each_line() { # FUNCTION BLOCK
    number=0
    while IFS= read -r line; do
        number=$((number + 1))
        "$1" "$line" "$folder/said/$(basename "$2")-$number"
    done <"$2"
}
the_blocks() {
    "$BUILD/wafer" keys new "$folder/demo.keys" >"$folder/log"
    "$BUILD/wafer-demo" --keys "$folder/demo.keys" --port 0 --revocations "file:$folder/list" \
        >"$folder/demo" 2>&1 &
    echo $! >>"$folder/pids"
    await_address "$folder/demo"
    awk -v name="$folder/block" '
        /^```sh$/ { inside = 1; file = sprintf("%s-%02d", name, ++number); next }
        /^```/ { inside = 0 }
        !inside || /^#/ || /^$/ { next }
        sub(/\\$/, "") { begun = begun $0; next }
        { print begun $0 > file; begun = "" }' README.md
    for block in "$folder"/block-*; do
        { begin_script; each_line script_line "$block"; } >"$folder/script"
        (cd "$clone" && TMPDIR=$folder sh "$folder/script") >"$folder/log" 2>&1
        each_line judge_line "$block"
    done
}

# ---- Commands that stand indented, with what they do behind two blanks ----

run() { # COMMAND, with what stands for a value of the user's
    case $1 in
    *' retire '*) id=$(sed -n '/^1 /{s/^1 //;s/ .*//p;q}' "$folder/operator/session.keys") ;;
    *) id=$session ;;
    esac
    token=$(cd "$folder/operator" && "$built/wafer" seal --keys session.keys 2>"$folder/log")
    command=$(echo "$1" | sed -e "s| ID\b| $id|; s| USER | ada |; s|file:PATH|file:$folder/list|" \
        -e "s|\.\.\.\$|file:$folder/list|; s|TOKEN|$token|; s|lmdb:lists|${journal}lists|")
    (cd "$folder/operator" && PATH=$built:$PATH sh -c "$command") >"$folder/log" 2>&1
    status=$?
    # A token that was made after the list may be one that the list does not take yet.
    case $1 in *' inspect '* | *' cookie '*) ! grep -q 'verdict: revoked' "$folder/log" || status=0 ;; esac
    report $status "it runs: $1"
    [ $status -eq 0 ] || sed 's/^/# /' "$folder/log"
}
nginx_takes() { # FILE
    command -v nginx >/dev/null || PATH=$PATH:/usr/sbin
    command -v nginx >/dev/null || return 0
    {
        printf 'error_log stderr;\npid %s/nginx.pid;\nevents { }\n' "$folder"
        printf 'http {\naccess_log off;\n'
        for kind in client_body proxy fastcgi uwsgi scgi; do
            printf '%s_temp_path %s/temporary;\n' "$kind" "$folder"
        done
        sed "s|listen 80;|listen unix:$folder/nginx.socket;|" "$1"
        echo '}'
    } >"$folder/nginx.conf"
    nginx -t -c "$folder/nginx.conf" >"$folder/log" 2>&1
    status=$?
    report $status 'nginx takes the lines for its configuration'
    [ $status -eq 0 ] || sed 's/^/# /' "$folder/log"
}
the_commands() {
    "$BUILD/wafer" seal --keys "$folder/demo.keys" --subject ada >"$folder/token"
    session=$("$BUILD/wafer" open --keys "$folder/demo.keys" "$(cat "$folder/token")" |
        sed -n 's/^id: //p')
    awk '/^```/ { inside = !inside } !inside && /^    [^ ]/' README.md |
        sed 's/^    //; s/  .*//' >"$folder/commands"
    : >"$folder/nginx"
    ln -s "$clone/lists" "$folder/operator/lists"
    while IFS= read -r line; do
        case $line in
        'wafer '*) run "$line" </dev/null ;;
        'upstream '* | 'server '*) echo "$line" >>"$folder/nginx" ;;
        make | 'make '*) ;;                             # the_goals
        ldconfig | 'cc program.c $(pkg-config '*) ;;    # tests/check_install.sh
        'apt install ./build/deb/'*) ;;                 # tests/check_deb.sh
        '100,000 users, '*) ;;                          # no command
        *) report 1 "somebody tries the command \"$line\"" ;;
        esac
    done <"$folder/commands"
    nginx_takes "$folder/nginx"
}

# ---- What it names ----

the_goals() {
    sed -n 's/^\([a-z-]*\):.*## .*/\1/p' Makefile | sort -u >"$folder/goals"
    grep -o -e '`make [a-z][a-z-]*' -e '^    make [a-z][a-z-]*' README.md |
        sed 's/.*make //' | sort -u >"$folder/named"
    equals 'every goal that it names is one' '' "$(comm -13 "$folder/goals" "$folder/named" | xargs)"
}
the_links() {
    lost=$(grep -o '](\([^)]*\))' README.md | sed 's/^](//; s/[#)].*//' | grep -v '^http' |
        while read -r file; do [ -e "$file" ] || echo "$file"; done | xargs)
    equals 'every link leads to a file' '' "$lost"
}

the_program
the_blocks
the_commands
the_goals
the_links

echo "$total tests, $failed failed"
[ "$failed" -eq 0 ]
