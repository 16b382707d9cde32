#!/bin/sh
# What one type of machine seals, every other one opens; what only one can use, the others refuse
# with a sentence. MACHINES are folders of build/, of which qemu runs those that are not this one's.
set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
machines=${MACHINES:-gcc arm64 s390x armhf}

. "$root/tests/report.sh"
on() { # MACHINE PROGRAM ARGUMENT...
    machine=$1 program=$2
    shift 2
    case $machine in
    arm64) qemu-aarch64 "$root/build/$machine/$program" "$@" ;;
    s390x) qemu-s390x "$root/build/$machine/$program" "$@" ;;
    armhf) qemu-arm "$root/build/$machine/$program" "$@" ;;
    *) "$root/build/$machine/$program" "$@" ;;
    esac </dev/null
}
repeat() { # TEXT TIMES
    awk -v text="$1" -v times="$2" 'BEGIN { while (times-- > 0) printf "%s", text }'
}

# ---- Tokens ----

# What went in, in the order of the sealed form, as it must come out on every machine.
all_kinds='n:integer=3
no:boolean=false
yes:boolean=true
note:text=hello
bytes:bytes=00ff7f80
empty:text=
nothing:bytes='
extremes=$(
    number=10
    for value in 0 23 24 255 256 65535 65536 4294967295 4294967296 9223372036854775807 \
        -1 -24 -25 -256 -257 -65536 -65537 -4294967296 -4294967297 -9223372036854775808; do
        echo "i$number:integer=$value"
        number=$((number + 1))
    done
)
long="k:text=$(repeat 'ü€' 200)
$(repeat n 255):text=long
"
many=$(seq 10 73 | sed 's/.*/v&:boolean=true/')

seal() { # MACHINE NUMBER VARIABLES OPTION...
    machine=$1 number=$2 variables=$3
    shift 3
    echo "$variables" | sed '/^$/d' >"put.$number"
    while IFS= read -r variable; do set -- "$@" "$variable"; done <"put.$number"
    on "$machine" wafer seal --keys "$machine.keys" "$@" >"$machine.$number"
}

open_everywhere() { # SEALER NUMBER SUBJECT OPTION...
    sealer=$1 number=$2 subject=$3
    shift 3
    for opener in $machines; do
        on "$opener" wafer open --keys "$sealer.keys" "$@" "$(cat "$sealer.$number")" >out 2>err
        equals "$sealer seals, $opener opens: session $number" "0, valid, $subject" \
            "$?, $(sed -n 's/^verdict: //p' out), $(sed -n 's/^subject: //p' out)"
        sed '1,/^idle-until: /d' out | cmp -s - "put.$number"
        report $? 'with the variables that were put'
        sed -n 's/^id: //p; s/^expires: //p; s/^idle-until: //p' out >facts
        [ "$opener" != "${machines%% *}" ] || mv facts "$sealer.facts"
        [ ! -e facts ] || equals 'and id and times as on the first' "$(cat "$sealer.facts")" \
            "$(cat facts)"
        rm -f facts
    done
}

tokens() {
    for sealer in $machines; do
        on "$sealer" wafer keys new "$sealer.keys" >/dev/null
        seal "$sealer" 1 '' && open_everywhere "$sealer" 1 ''
        seal "$sealer" 2 "$all_kinds" --subject ada && open_everywhere "$sealer" 2 ada
        seal "$sealer" 3 "$extremes" --subject 'Zoë 東京' && open_everywhere "$sealer" 3 'Zoë 東京'
        seal "$sealer" 4 "$long" --expiry 315360000 && open_everywhere "$sealer" 4 ''
        seal "$sealer" 5 "$many" --name id --context shop && \
            open_everywhere "$sealer" 5 '' --name id --context shop
    done
}

# ---- Lists ----

refuses() { # SENTENCE WORDS STATUS: what a program that said "err" did
    equals "$1" '1, 1, 1' "$3, $(wc -l <err), $(grep -c "$2" err)"
}

table_files() {
    for maker in $machines; do
        on "$maker" tests/programs/list "file:$maker.table" 64 3 || exit 1
        cp "$maker.table" before
        for opener in $machines; do
            on "$opener" wafer revocations list --revocations "file:$maker.table" >out 2>err
            status=$?
            if [ "$opener" = "$maker" ]; then
                equals "$maker lists its own file" '0, 3' "$status, $(grep -c '^session' out)"
            else
                refuses "$opener refuses the file of $maker" 'another machine type' "$status"
                on "$opener" tests/programs/list "file:$maker.table" 64 1 >out 2>err
                refuses 'and does not make it its own' 'another machine type' $?
            fi
        done
        cmp -s before "$maker.table"
        report $? 'nobody changed the file'
    done
}

# LMDB's file is for machines of one word size and byte order; the table beside it is anyone's own.
journals() {
    for maker in $machines; do
        for opener in $machines; do
            rm -rf journal
            mkdir -m 700 journal
            on "$maker" tests/programs/list lmdb:journal 64 3 || exit 1
            if [ "$opener" != "$maker" ]; then
                on "$opener" wafer revocations list --revocations lmdb:journal >out 2>err
                refuses "$opener refuses the table of the journal of $maker" \
                    'another machine type' $?
            fi
            rm -f journal/table
            on "$opener" tests/programs/list lmdb:journal 64 0 >out 2>err
            status=$?
            if [ $status -eq 0 ]; then
                equals "$opener takes all from the journal of $maker" 3 \
                    "$(on "$opener" wafer revocations list --revocations lmdb:journal |
                        grep -c '^session')"
            else
                refuses "$opener refuses the journal of $maker" 'not a journal\|damaged' "$status"
            fi
        done
    done
}

tokens
table_files
journals
[ "$failed" -eq 0 ]
