#!/bin/sh
# The demo server in a browser: Chromium, headless, on this machine only. It is not of `make check`,
# as it needs a package from npm, which `make group-browser` installs. SCREENS is a folder for
# pictures of the pages.
set -u
# shellcheck source=tests/demo.sh
. "$(dirname "$0")/demo.sh"

certify() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=localhost -addext 'subjectAltName=DNS:localhost' \
        -keyout "$folder/site.key" -out "$folder/site.pem" 2>"$folder/openssl"
}
# Adds a server to those that the checks are told of.
serve() { # NAME OPTION...
    name=$1
    start "$@"
    [ -n "$url" ] || { cat "$log" "$log.err"; exit 1; }
    servers="$servers $name=$url"
}

servers=
password='correct horse battery'
echo "$password" >"$folder/password"
chmod 600 "$folder/password"
mkdir "$folder/profiles"
certify || { cat "$folder/openssl"; exit 1; }
"$wafer" keys new "$folder/keys" >/dev/null || exit 1
serve idle --idle 2
serve absolute --idle 0 --absolute 3
serve tls --tls-certificate "$folder/site.pem" --tls-key "$folder/site.key"
servers=$(echo "$servers" | sed 's|https://127\.0\.0\.1|https://localhost|')
serve plain --operator-password "$folder/password"

# shellcheck disable=SC2086 # one word a server
node "$build/browser/checks.mjs" "$folder/profiles" "${SCREENS:-build/screens}" "$password" \
    $servers >"$folder/checks" 2>&1
good=$?
cat "$folder/checks"
report $good 'every check in the browser is good'

for log in "$folder"/*.err; do
    case $log in */tls.err) continue ;; esac # a browser tries connections that it does not use
    [ ! -s "$log" ] || cat "$log"
    [ ! -s "$log" ]
    report $? "$(basename "$log" .err): the server complained of nothing"
done
[ "$failed" -eq 0 ]
