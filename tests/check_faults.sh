#!/bin/sh
# Every call that the command makes of the system, of libsodium and of LMDB fails in turn: the first,
# the second ... of each function, until all have. Each time the command says why or does its work
# all the same; files are as they were or complete; nothing is left beside them; lists open.
set -u

tests=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
wafer=$build/wafer
list=$build/tests/programs/list
library=$(mktemp -d)
# In memory if there is such a place: thousands of times something is synced. Programs may be
# forbidden there.
folder=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$folder" "$library"' EXIT
trap 'exit 1' INT TERM HUP
cd "$folder" || exit 1
. "$tests/report.sh"

# Functions whose failure need not stop the command: what they do is of no more use (close), only for
# the better (madvise, mlock), or done again (looking at files that may have been replaced); standard
# output does without a buffer (malloc). Some tests have more of them.
always_harmless=' close madvise mlock stat fstat lstat malloc '
harmless=

# ---- One run, and what it may leave ----

run() { # WAFER_FAIL COMMAND...: sets status, what was printed (out) and complained about (err)
    wanted=$1
    shift
    : >calls
    WAFER_FAIL=$wanted WAFER_CALLS=calls LD_PRELOAD=$library/fail_nth.so "$@" >out 2>err </dev/null
    status=$?
}
complain() { # WHAT
    complaints=$((complaints + 1))
    echo "#   $name, call $nth, errno $errno: $1 (status $status): $(cat err)"
}
# A status that is documented, with one sentence when it is 1. The command looks at its standard
# error first: without that one nothing can be said.
judge_status() {
    sentence="" more=""
    { read -r sentence; read -r more; } <err
    case $status,$sentence in
    0,)
        case $always_harmless$harmless in *" $name "*) ;; *)
            [ "$repeats" ] || complain 'it is ignored'
            ;;
        esac
        ;;
    1,wafer:\ ??????????* | 1,list:\ ??????????*)
        [ -z "$more" ] || complain 'more than a sentence is said'
        ;;
    1,) [ "$name,$nth" = fcntl,1 ] || complain 'nothing is said' ;;
    *) complain 'that is no way to end' ;;
    esac
}
# The names in a folder.
names() { # FOLDER
    found=
    for file in "$1"/* "$1"/.[!.]*; do
        [ ! -e "$file" ] || found="$found ${file#"$1"/}"
    done
}

# Runs COMMAND with the nth call of each function failing. In front of each run there is `prepare`,
# behind it `judge`.
each() { # SENTENCE COMMAND...
    sentence_of_all=$1 complaints=0 faults=0 repeats="" name=none nth=0 errno=0
    shift
    prepare
    run none:0:0 "$@"
    cp calls all
    [ "$status" -eq 0 ] || complain 'it does not work at all'
    judge
    while read -r name count; do
        case $name in *alloc | *dup) errno=12 ;; *) errno=5 ;; esac
        nth=0
        while [ $((nth += 1)) -le "$count" ]; do
            once "$@"
        done
    done <all
    [ "$complaints" -eq 0 ] && [ "$faults" -gt "$(grep -c . all)" ]
    report $? "$sentence_of_all: $faults faults"
}
once() { # COMMAND...
    prepare
    run "$name:$nth:$errno" "$@"
    reached=
    read -r reached <calls
    [ "$reached" = failed ] || complain 'the call was not reached'
    faults=$((faults + 1))
    judge_status
    judge
}

# ---- Key files ----

makes_keys_or_none() {
    prepare() { rm -rf new && mkdir new; }
    judge() {
        names new
        case $status,$found in
        '0, keys') "$wafer" keys check new/keys >/dev/null || complain 'the new file is not good' ;;
        1,) ;;
        '1, keys') [ "$name" = fflush ] || complain 'a file was made' ;;
        *) complain "there are$found" ;;
        esac
    }
    each 'keys new leaves a whole file or none' "$wafer" keys new new/keys
}

# What stands in new/keys: the old file byte by byte, or with status 0 a whole new one.
judge_rotated() {
    names new
    [ "$found" = ' keys' ] || complain "there are$found"
    if cmp -s keys new/keys; then
        [ $status -ne 0 ] || complain 'nothing was rotated'
        return
    fi
    "$wafer" keys check new/keys >/dev/null && [ "$(grep -c '^1 ' new/keys)" -eq 3 ] ||
        complain 'the new file is not good'
    case $status,$name in
    0,* | 1,fflush) ;;
    1,fsync) grep -q 'replaced, but cannot sync' err || complain 'it is not said that it was' ;;
    *) complain 'it was rotated all the same' ;;
    esac
}
rotates_keys() {
    prepare() {
        rm -rf new && mkdir new && cp -p keys new/keys
        [ ! "$other_owner" ] || chown 12345:12345 new/keys
    }
    judge() { judge_rotated; }
    other_owner=
    each 'keys rotate leaves the old file or a whole new one' "$wafer" keys rotate new/keys
    [ "$(id -u)" -eq 0 ] || return
    other_owner=yes
    each "and so it does with somebody else's" "$wafer" keys rotate new/keys --now
    other_owner=
}
judge_retired() {
    names new
    [ "$found" = ' keys' ] || complain "there are$found"
    if cmp -s keys new/keys; then
        [ $status -ne 0 ] || complain 'nothing was retired'
        return
    fi
    [ "$(grep -c '^1 ' new/keys)" -eq 1 ] && ! grep -q "^1 $retired " new/keys ||
        complain 'the new file is not good'
    case $status,$name in
    0,* | 1,fflush) ;;
    1,fsync) grep -q 'replaced, but cannot sync' err || complain 'it is not said that it was' ;;
    *) complain 'it was retired all the same' ;;
    esac
}
retires_keys() {
    prepare() { rm -rf new && mkdir new && cp -p keys new/keys; }
    judge() { judge_retired; }
    retired=$("$wafer" keys list keys | sed -n 's/^\([0-9a-f]*\) opens: .*/\1/p')
    each 'keys retire leaves the old file or a whole new one' \
        "$wafer" keys retire new/keys "$retired"
}
# 4: interrupted; 0: less was done than asked for.
goes_on() {
    complaints=0 faults=0 repeats=yes
    prepare
    run none:0:0 "$wafer" keys rotate new/keys
    cp calls all
    while read -r name count; do
        case $name in read | write | getrandom) ;; *) continue ;; esac
        for errno in 4 0; do
            nth=0
            while [ $((nth += 1)) -le "$count" ]; do
                once "$wafer" keys rotate new/keys
                [ $status -eq 0 ] || complain 'it was given up'
            done
        done
    done <all
    [ $complaints -eq 0 ] && [ $faults -ge 10 ]
    report $? "what was interrupted or stopped short goes on: $faults faults"
}
full_disk() {
    complaints=0 faults=0 repeats="" name=write nth=1 errno=28
    once "$wafer" keys rotate new/keys
    grep -q 'No space left on device' err || complain 'the disk is not blamed'
    report $complaints 'a full disk is named'
}

reads_keys() {
    prepare() { :; }
    judge() {
        cmp -s keys copy || complain 'the keys were changed'
        [ $status -ne 0 ] || grep -q ': good$' out || complain 'they are not called good'
    }
    cp -p keys copy
    each 'keys check says good or why not' "$wafer" keys check keys
    judge() { [ $status -ne 0 ] || grep -q '"state":"seals"' out || complain 'no key seals'; }
    each 'keys list tells of the keys or fails' "$wafer" keys list keys --json
    judge() { [ $status -ne 0 ] || grep -q ' seals: ' out || complain 'no key seals'; }
    each 'and so it does as text' "$wafer" keys list keys
    judge() {
        read -r printed <out || printed=
        case $status,${#printed} in
        0,1??) "$wafer" open --keys keys -- "$printed" >/dev/null || complain 'it does not open' ;;
        1,0) ;;
        *) complain 'part of a token was printed' ;;
        esac
    }
    # The page that forked processes share can be done without, and so can the time in a nonce. The
    # lock is one that only a wrong use makes fail.
    harmless=' mmap clock_gettime pthread_mutex_lock '
    each 'seal prints a token or nothing' "$wafer" seal --keys keys --subject ada n=1
    token=$("$wafer" seal --keys keys --subject ada n=1)
    judge() {
        case $status in
        0) grep -q '^verdict: valid$' out && grep -q '^subject: ada$' out ;;
        *) ! grep -q '^n' out || [ "$name" = fflush ] ;;
        esac || complain 'what is printed is wrong'
    }
    each 'open prints what is in a token or fails' "$wafer" open --keys keys -- "$token"
    judge() {
        case $status in
        0) grep -q '"verdict":"valid"' out && grep -q '"variables":{"n":1}' out ;;
        *) ! grep -q '"n"' out || [ "$name" = fflush ] ;;
        esac || complain 'what is printed is wrong'
    }
    each 'inspect tells of a token or fails' "$wafer" inspect --keys keys --json "$token"
    judge() { [ $status -ne 0 ] || grep -q '"chosen":2,' out || complain 'it is not chosen'; }
    each 'cookie tells of a field or fails' "$wafer" cookie --keys keys --json \
        "a=1; __Host-session=$token"
    harmless=
}

# ---- Revocation lists ----

same_list() {
    names lists
    [ "$found" = "$expected" ] && cmp -s saved/table lists/table &&
        { [ ! -e saved/journal ] || cmp -s saved/journal lists/journal; }
}
# Three sessions stay on the list whatever happens.
judge_entries() { # WHAT-IS-NEW
    if [ "$status" -eq 1 ] && same_list; then
        return
    fi
    entries=$("$wafer" revocations list --revocations "$where" 2>&1) ||
        complain "the list does not open any more, $entries"
    for number in 1 2 3; do
        case $entries in *"session  0000000000000000000000000000000$number"*) ;;
        *) complain "session $number is not on the list any more" ;;
        esac
    done
    case $status,$entries in
    0,*"$1"*) ;;
    0,*) complain 'it was not done' ;;
    *"$1"*) [ "$name" = fflush ] || [ "$may_last" ] || complain 'it was done all the same' ;;
    esac
    names lists
    [ "$found" = "$expected" ] || complain "there are$found"
}
prepare_list() {
    rm -rf lists
    cp -Rp saved lists
}
judge_list() {
    judge_entries "$new"
}
revokes() { # SENTENCE NEW COMMAND...: what is NEW in the list afterwards
    sentence=$1 new=$2
    shift 2
    prepare() { prepare_list; }
    judge() { judge_list; }
    each "$sentence" "$wafer" "$@" --revocations "$where"
}
reads() { # SENTENCE PATTERN COMMAND...: what is printed
    sentence=$1 pattern=$2
    shift 2
    prepare() { :; }
    judge() {
        cmp -s saved/table lists/table || complain 'the table was changed'
        [ $status -ne 0 ] || [ ! "$pattern" ] || grep -q "$pattern" out ||
            complain 'what is printed is wrong'
    }
    prepare_list
    each "$sentence" "$wafer" "$@" --revocations "$where"
}
purges() { # SENTENCE
    prepare() { prepare_list; }
    judge() {
        "$wafer" revocations check --revocations "$where" >/dev/null 2>&1 ||
            complain 'the list does not open any more'
        [ $status -ne 0 ] || grep -q '^7 dropped$' out || complain 'not all were dropped'
    }
    each "$1" "$wafer" revocations purge --revocations "$where"
}
# The next one makes or opens it, and it holds what it is to.
makes_list() { # SENTENCE
    prepare() {
        rm -rf lists
        mkdir -m 700 lists
    }
    judge() {
        names lists
        for file in $found; do
            case "$expected " in *" $file "*) ;; *) complain "there is $file" ;; esac
        done
        [ $status -eq 0 ] || "$list" "$where" 64 3 2>again || complain "not made anew, $(cat again)"
        status=0 judge_entries session
    }
    each "$1" "$list" "$where" 64 3
}
save() { # ARGUMENT...: of list
    rm -rf saved lists
    mkdir -m 700 lists
    "$list" "$where" "$@" && mv lists saved
}

in_file() {
    where=file:lists/table expected=' table' may_last=
    makes_list 'a table file is made by the next one if not at once'
    save 64 3
    session=00000000000000000000000000000abc
    revokes 'a session is revoked or not' "session  $session" revoke session $session
    revokes 'a subject is' 'subject  ' revoke subject ada
    revokes 'everyone is' everyone revoke everyone --json
    reads 'the entries are listed or not' '0000003' revocations list
    reads 'they are counted' 'entries: 3' revocations count
    reads 'the list is checked' ': good' revocations check
    # It looks once more, and prints nothing while nothing is new.
    harmless=' sigtimedwait fflush '
    reads 'it is watched' '' revocations watch
    harmless=
    save 64 7 90000
    purges 'what is overdue is dropped or not'
}
in_journal() {
    where=lmdb:lists expected=' journal journal-lock table' may_last=yes
    rm -rf lists
    mkdir -m 700 lists
    "$list" "$where" 64 3 2>err || {
        grep -q 'built without LMDB' err && return
        cat err
    }
    # Files that stand in for standard streams, a lock for closing, what LMDB asks of a file
    # system, a flag for programs that are run, and locks that only a wrong use makes fail.
    harmless=' open flock fstatfs fcntl pthread_mutex_lock '
    makes_list 'a journal is made by the next one if not at once'
    save 64 3
    session=00000000000000000000000000000abc
    revokes 'with a journal a session is revoked or not' "session  $session" revoke session $session
    reads 'the journal is checked' ': good' revocations check
    save 64 7 90000
    purges 'what is overdue is dropped from it or not'
}

"${CC:-gcc}" -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror \
    -shared -fPIC "$tests/programs/fail_nth.c" -ldl -o "$library/fail_nth.so" || exit 1
"$wafer" keys new keys >out && "$wafer" keys rotate keys --now >out || exit 1
makes_keys_or_none
rotates_keys
goes_on
full_disk
retires_keys
reads_keys
in_file
in_journal
echo "faults: $((total - failed)) of $total passed"
[ "$failed" -eq 0 ]
