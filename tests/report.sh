# What the check scripts that drive programs share; they read it with the "." command. Prints a line
# a test, "ok - SENTENCE" or "not ok - SENTENCE".
total=0
failed=0

report() { # STATUS SENTENCE
    total=$((total + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok - $2"
    else
        failed=$((failed + 1))
        echo "not ok - $2"
    fi
}
equals() { # SENTENCE EXPECTED ACTUAL
    [ "$2" = "$3" ]
    equal=$?
    report $equal "$1"
    [ $equal -eq 0 ] || echo "#   expected \"$2\" but got \"$3\""
}
contains() { # SENTENCE PATTERN FILE
    grep -q -- "$2" "$3"
    report $? "$1"
}
lacks() { # SENTENCE PATTERN FILE
    ! grep -q -- "$2" "$3"
    report $? "$1"
}
# Waits for the address that a server prints when it listens: sets url and port, both empty if none
# comes.
await_address() { # FILE
    for _ in $(seq 200); do
        url=$(sed -n 's/.* listens at \(http[^ ]*\)$/\1/p' "$1")
        [ -z "$url" ] || break
        sleep 0.05
    done
    port=${url##*:}
    port=${port%/}
}
# README's first block of code in a language.
readme_block() { # LANGUAGE
    awk -v language="$1" '$0 == "```" language { inside = 1; next } /^```/ && inside { exit } inside' README.md
}
