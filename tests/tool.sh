# What the check scripts that drive the command share; they read it with the "." command, and have
# set `tests` to this folder. They then are in an empty folder, $folder, which goes when they end.
build=${BUILD:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
wafer=$build/wafer
json=$build/tests/programs/json
folder=$(mktemp -d)

cleanup() {
    rm -rf "$folder"
}
trap 'cleanup' EXIT
trap 'exit 1' INT TERM HUP
cd "$folder" || exit 1

. "$tests/report.sh"
works() { # SENTENCE ARGUMENT...: status 0, and nothing on stderr
    sentence=$1
    shift
    "$wafer" "$@" >out 2>err </dev/null
    equals "$sentence" '0, 0' "$?, $(wc -c <err)"
}
refused() { # SENTENCE STATUS ARGUMENT...: one line on stderr that starts with "wafer: "
    sentence=$1 expected=$2
    shift 2
    "$wafer" "$@" >out 2>err </dev/null
    equals "$sentence" "$expected, 1, 1" "$?, $(wc -l <err), $(grep -c '^wafer: ' err)"
}
mode() { # FILE
    # shellcheck disable=SC2012 # the name is ours
    ls -ld "$1" | cut -c1-10
}
fact() { # NAME FILE
    sed -n "s/^$1: //p" "$2"
}
repeat() { # TEXT TIMES
    awk -v text="$1" -v times="$2" 'BEGIN { while (times-- > 0) printf "%s", text }'
}
# Members of the one JSON object that was printed.
members() { # NAME...
    [ "$(wc -l <out)" -eq 1 ] && "$json" "$@" <out
}
# Nothing that was printed may hold a key of a file.
hides_keys() { # SENTENCE
    awk '!/^#/ && NF { print $3 }' keys >secrets
    ! cat out err | grep -qF -f secrets
    report $? "$1"
}
