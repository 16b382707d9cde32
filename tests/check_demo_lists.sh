#!/bin/sh
# Revocation lists that several demo servers share, and what the command line takes.
set -u
# shellcheck source=tests/demo.sh
. "$(dirname "$0")/demo.sh"

# ---- Lists that are shared ----

operator() { # LIST ARGUMENT...
    where=$1
    shift
    "$wafer" "$@" --revocations "$where" >"$folder/out" 2>"$folder/err"
}
# Sets first_url and second_url, of two servers that have one list.
start_two() { # LIST
    start first-of-two --revocations "$1"
    first_url=$url first_pid=$pid
    start second-of-two --revocations "$1"
    second_url=$url second_pid=$pid
    [ -n "$first_url" ] && [ -n "$second_url" ]
    report $? "two servers have the list $2"
}

servers_share() { # LIST NAME
    start_two "$1" "$2"
    contains 'which is told' "^revocation: the list in .* ${1#*:}[.,]" "$log"
    url=$first_url
    for user in ada bob carol dora; do post "$user" login -d "user=$user" >/dev/null; done
    cp "$folder/ada" "$folder/ada-copy"
    cp "$folder/bob" "$folder/bob-copy"
    url=$second_url
    equals 'a session of the one is good in the other' 'ada' "$(fact ada-copy subject)"
    url=$first_url
    equals 'signing out in the one' 303 "$(post ada logout)"
    url=$second_url
    equals 'is signing out in the other' 'revoked' "$(fact ada-copy verdict)"
    equals 'signing out everywhere in the other' 303 "$(post bob logout-everywhere)"
    url=$first_url
    equals 'is signing out in the one' 'revoked' "$(fact bob-copy verdict)"

    cp "$folder/carol" "$folder/carol-copy"
    equals 'a user is signed in' 'carol' "$(fact carol subject)"
    id=$("$wafer" open --keys "$folder/keys" --name wafer-demo "$(token carol)" |
        sed -n 's/^id: //p')
    operator "$1" revoke session "$id"
    report $? 'the operator revokes the session while the servers run'
    equals 'which the one refuses at the next request' 'revoked' "$(fact carol verdict)"
    url=$second_url
    equals 'and the other' 'revoked' "$(fact carol-copy verdict)"
    cp "$folder/dora" "$folder/dora-copy"
    operator "$1" revoke subject dora
    report $? 'the operator revokes a user'
    equals 'whom the one refuses at the next request' 'revoked' "$(fact dora verdict)"
    url=$first_url
    equals 'and the other' 'revoked' "$(fact dora-copy verdict)"
    post dora login -d user=dora >/dev/null
    equals 'until the user signs in again' 'dora' "$(fact dora subject)"
    operator "$1" revocations check
    report $? 'the list is good while the servers run'
}

servers_remember() { # LIST NAME
    cp "$folder/dora" "$folder/dora-copy"
    kill -KILL "$first_pid" "$second_pid"
    wait "$first_pid" "$second_pid" 2>/dev/null
    [ -z "${3:-}" ] || rm "$3"
    start_two "$1" "$2"
    for url in "$first_url" "$second_url"; do
        for user in ada-copy bob-copy carol-copy; do
            cp "$folder/$user" "$folder/old"
            equals "after kill -9 of both $user stays signed out" 'revoked' "$(fact old verdict)"
        done
        cp "$folder/dora-copy" "$folder/old"
        equals 'and who was signed in stays signed in' 'dora' "$(fact old subject)"
    done
    operator "$1" revocations check
    report $? 'the list is good'
}

everyone_goes() { # LIST
    cp "$folder/dora-copy" "$folder/old"
    operator "$1" revoke everyone
    report $? 'the operator revokes everyone'
    equals 'whom the one refuses at the next request' 'revoked' "$(fact dora-copy verdict)"
    url=$first_url
    equals 'and the other' 'revoked' "$(fact old verdict)"
    stop "$first_pid" TERM && stop "$second_pid" INT
    equals 'both servers end with status 0' 0 $?
    start after-two --revocations "$1"
    cp "$folder/dora" "$folder/old"
    equals 'who was revoked stays so after a restart' 'revoked' "$(fact old verdict)"
    post old login -d user=dora >/dev/null
    equals 'and may sign in again' 'dora' "$(fact old subject)"
    stop "$pid" TERM
}

a_file_is_shared() {
    servers_share "file:$folder/list" 'in a file'
    servers_remember "file:$folder/list" 'in a file'
    everyone_goes "file:$folder/list"
    # shellcheck disable=SC2012 # the name is ours
    equals 'the file is its owner'"'"'s' '-rw-------' "$(ls -l "$folder/list" | cut -c1-10)"
}

a_journal_is_shared() {
    mkdir -m 700 "$folder/journaled"
    "$wafer" revocations check --revocations "lmdb:$folder/none" 2>"$folder/err"
    if grep -q 'built without LMDB' "$folder/err"; then
        refused 'a journal without LMDB' 1 --keys "$folder/keys" \
            --revocations "lmdb:$folder/journaled"
        contains 'which says so' 'built without LMDB' "$folder/err"
        return
    fi
    servers_share "lmdb:$folder/journaled" 'with a journal'
    servers_remember "lmdb:$folder/journaled" 'with a journal'
    servers_remember "lmdb:$folder/journaled" 'with a journal' "$folder/journaled/table"
    everyone_goes "lmdb:$folder/journaled"
    refused 'a folder that is not there' 1 --keys "$folder/keys" --revocations "lmdb:$folder/none"
    contains 'which says how to make one' 'mkdir -m 700' "$folder/err"
}

# ---- Arguments ----

arguments() {
    refused 'no key file' 2
    refused 'a port of letters' 2 --keys "$folder/keys" --port x
    refused 'a port of 65536' 2 --keys "$folder/keys" --port 65536
    refused 'a port below zero' 2 --keys "$folder/keys" --port -1
    refused 'an empty port' 2 --keys "$folder/keys" --port ''
    refused 'an address of letters' 2 --keys "$folder/keys" --address localhost
    refused 'an idle limit with a unit' 2 --keys "$folder/keys" --idle 5m
    refused 'an absolute limit of nothing' 2 --keys "$folder/keys" --absolute 0
    refused 'an absolute limit of a century' 2 --keys "$folder/keys" --absolute 3153600000
    refused 'an idle limit beyond the absolute one' 2 --keys "$folder/keys" --idle 9 --absolute 8
    refused 'an unknown option' 2 --keys "$folder/keys" --bogus
    refused 'an option without its value' 2 --keys
    refused 'an argument too many' 2 --keys "$folder/keys" here
    for where in none memory: Memory file: lmdb: redis:host ''; do
        refused "the list \"$where\"" 2 --keys "$folder/keys" --revocations "$where"
    done
    refused 'a list in a folder that is not there' 1 --keys "$folder/keys" \
        --revocations "file:$folder/none/list"
    refused 'a list that is a key file' 1 --keys "$folder/keys" --revocations "file:$folder/keys"
    chmod 644 "$folder/list"
    refused 'a list that others may read' 1 --keys "$folder/keys" --revocations "file:$folder/list"
    chmod 600 "$folder/list"
    refused 'a key file that is not there' 1 --keys "$folder/none"
    contains 'which says how to make one' 'wafer keys new' "$folder/err"
    chmod 644 "$folder/keys"
    refused 'a key file that others may read' 1 --keys "$folder/keys"
    chmod 600 "$folder/keys"
    "$demo" --help >"$folder/out" 2>&1
    equals 'help is no failure' 0 $?
    contains 'and explains the options' '--absolute SECONDS' "$folder/out"
    equals 'in lines that fit any terminal' '' "$(grep '.\{80\}' "$folder/out")"
    "$demo" --keys "$folder/keys" --port 0 --address 192.0.2.1 >"$folder/out" 2>"$folder/err"
    contains 'an address that others can reach is warned about' 'warning' "$folder/err"
    timeout 10 "$demo" --keys "$folder/keys" --port 0 >/dev/full 2>/dev/null
    equals 'an address that cannot be told is an error' 1 $?
}

"$wafer" keys new "$folder/keys" >/dev/null || exit 1
a_file_is_shared
a_journal_is_shared
arguments
finish 'demo, lists'
