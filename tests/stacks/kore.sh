# kore with the example's module, for a test. Source it.
# shellcheck shell=sh

# Writes FOLDER/kore.conf, by which the program kore loads MODULE and serves plain HTTP/1.1 at a
# free port. All its files are in FOLDER. Start it with
#
#     WAFER_KEYS=KEY_FILE kore -nrqfc FOLDER/kore.conf
#
# (no chroot, no other user, only errors told, in the foreground). It says on stdout where it
# listens, and SIGTERM ends it.
kore_configure() { # FOLDER MODULE WORKERS
    cat >"$1/kore.conf" <<CONFIGURATION
load $2
root $1
pidfile $1/kore.pid
workers $3
http_header_max 65535
http_hsts_enable 0

server plain {
    bind 127.0.0.1 0
    tls no
}

domain * {
    attach plain
    route ^/ answer
}
CONFIGURATION
}

# A module with a sanitizer needs the sanitizer's runtime in kore, which has none.
kore_can_load() { # MODULE
    ! nm -D "$1" | grep -q ' U __[a-z]*san_'
}
