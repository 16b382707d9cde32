#!/bin/bash
# Completion of the command in bash: commands, actions, options, files, lists, ids of keys; and that
# it knows the options that the help tells of, and no others.
set -u

tests=$(cd "$(dirname "$0")" && pwd)
completion=$tests/../src/tool/wafer.bash

. "$tests/tool.sh"
mkdir bin && ln -s "$wafer" bin/wafer
PATH=$folder/bin:$PATH
. "$completion"

# What is offered for the last of these words, sorted, on a line.
offered() { # WORD...
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _wafer
    printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd' '
}
completes() { # EXPECTED WORD...
    expected=$1
    shift
    equals "$* is completed" "$expected" "$(offered "$@")"
}

registered() {
    equals 'completion is registered' 'complete -F _wafer wafer' "$(complete -p wafer)"
}

words() {
    completes '--help --version cookie feed help inspect keys open revocations revoke seal version' \
        wafer ''
    completes 'revocations revoke' wafer rev
    completes '--help check list new retire rotate' wafer keys ''
    completes 'retire rotate' wafer keys r
    completes '--group --help --now --overlap' wafer keys rotate --
    completes '--now' wafer keys rotate session.keys --n
    completes '--json' wafer keys list --j
    completes '' wafer keys retire --j
    completes '--realm --revocations' wafer inspect --r
    completes '--commas --context' wafer cookie TOKEN --co
    completes '--help everyone session subject' wafer revoke ''
    completes '--realm --revocations' wafer revoke subject ada --re
    completes '--revocations' wafer revoke everyone --re
    completes 'count' wafer revocations co
    completes 'seal' wafer help s
    completes '' wafer bogus ''
    completes '' wafer seal --name ''
    completes '' wafer keys rotate --overlap ''
}

files() {
    mkdir lists
    : >lists/table
    : >session.keys
    : >'session keys'
    completes 'session keys session.keys' wafer keys check ses
    completes 'session keys session.keys' wafer open --keys ses
    completes 'lists/table' wafer seal --keys lists/t
    completes 'file: lmdb: redis:' wafer revoke everyone --revocations ''
    completes 'lmdb:' wafer revoke everyone --revocations l
    completes 'lists/table' wafer revocations list --revocations file : lists/t
    completes 'lists' wafer inspect --revocations lmdb : li
    completes 'bin lists session keys session.keys' wafer revocations list --revocations file :
    COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}
    completes 'file:lists/table' wafer revocations list --revocations file:lists/t
    completes 'lmdb:lists' wafer revocations list --revocations lmdb:l
    COMP_WORDBREAKS=$COMP_WORDBREAKS:
}

key_ids() {
    wafer keys new keys >out && wafer keys rotate keys >out
    all=$(wafer keys list keys | sed -n 's/^\([0-9a-f]\{6\}\) .*/\1/p' | sort | paste -sd' ')
    equals 'there are two keys' 13 ${#all}
    completes "$all" wafer keys retire keys ''
    completes "${all% *}" wafer keys retire keys "${all%"${all#?????}"}"
    completes '' wafer keys retire none ''
}

# The options in the help of a command, and those that are offered for it.
same_options() { # COMMAND ACTION...
    command=$1
    shift
    wafer "$command" --help | grep -o -- '--[a-z][a-z]*' | grep -v '^--help$' | sort -u >told
    if [ $# -eq 0 ]; then
        offered wafer "$command" --
    else
        for action in "$@"; do offered wafer "$command" "$action" --; done
    fi | tr ' ' '\n' | grep -v '^--help$' | sort -u >known
    equals "the options of $command are those of its help" "$(paste -sd' ' told)" \
        "$(paste -sd' ' known)"
}

options() {
    for command in seal open inspect cookie; do same_options $command; done
    same_options keys new list rotate retire check
    same_options revoke session subject everyone
    same_options revocations list count purge watch check
    # Each is taken by the command, so nothing is said against it.
    for command in seal open inspect cookie 'keys new' 'keys list' 'keys rotate' 'keys retire' \
        'keys check' 'revoke session' 'revoke subject' 'revoke everyone' 'revocations list'; do
        # shellcheck disable=SC2086 # one or two words
        for option in $(offered wafer $command --); do
            wafer $command "$option" --help >out 2>err </dev/null
            ! grep -q 'unrecognized option' err
            report $? "$command takes $option"
        done
    done
}

registered
words
files
key_ids
options

echo "completion: $((total - failed)) of $total passed"
[ "$failed" -eq 0 ]
