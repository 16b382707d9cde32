#!/bin/sh
# The demo server over https, with a certificate made for the test.
set -u
command -v openssl >/dev/null || { echo 'skipped: there is no openssl to make a certificate'; exit 77; }
# shellcheck source=tests/demo.sh
. "$(dirname "$0")/demo.sh"

certify() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj "/CN=$1" -addext 'subjectAltName=IP:127.0.0.1,DNS:localhost' \
        -keyout "$folder/$1.key" -out "$folder/$1.pem" 2>"$folder/openssl"
}
# With the certificate as authority; what it does not prove is refused.
bare() {
    curl -s --max-time 10 --cacert "$folder/site.pem" "$@"
}

cookies_are_guarded() {
    contains 'the address is https' 'listens at https://127.0.0.1:' "$log"
    contains 'the names of the cookies are told' '"__Host-wafer-demo"' "$log"
    equals 'signing in works' 303 "$(submit ada '' login -d user=ada)"
    contains 'the cookie is of this host, over https only' \
        '^Set-Cookie: __Host-wafer-demo=[A-Za-z0-9_-]*; Path=/; Secure; HttpOnly; SameSite=Lax' \
        "$folder/head"
    lacks 'and of no domain' 'Domain' "$folder/head"
    equals 'the session is valid' 'ada' "$(fact ada subject)"
    submit ada 2/ 2/login -d user=bob >/dev/null
    contains 'the second account has a name like it' '^Set-Cookie: __Host-wafer-demo-2=.*; Secure' \
        "$folder/head"
    equals 'and is beside the first' 'ada bob' "$(fact ada subject) $(fact ada subject 2/)"
    visit ada cookies >"$folder/page"
    contains 'both came' 'id="our-count">2<' "$folder/page"
    contains 'no warning of plain http' 'Over https, as it should be' "$folder/page"
    password=$(sed -n 's/^operator: .* with the password //p' "$log")
    submit ada operator operator/login -d "password=$password" >/dev/null
    contains 'that of the operator has a path, so another prefix' \
        '^Set-Cookie: __Secure-wafer-operator=[^;]*; Path=/operator; Secure; .*SameSite=Strict' \
        "$folder/head"
    "$wafer" open --keys "$folder/keys" --name __Host-wafer-demo \
        "$(token ada __Host-wafer-demo)" >"$folder/opened"
    contains 'the command opens the cookie' '^subject: ada$' "$folder/opened"
    cp "$folder/ada" "$folder/copy"
    post ada logout >/dev/null
    equals 'signing out reaches copies' 'revoked' "$(fact copy verdict)"
}

names_are_bound() {
    start plain
    equals 'a cookie of https is none on plain http' 'none' \
        "$(bare -H "Cookie: __Host-wafer-demo=$(token ada __Host-wafer-demo-2)" "${url}whoami" |
            sed -n 's/^verdict: //p')"
    equals 'not even under its name there' 'rejected' \
        "$(bare -H "Cookie: wafer-demo=$(token ada __Host-wafer-demo-2)" "${url}whoami" |
            sed -n 's/^verdict: //p')"
    stop "$pid" TERM
    url=$tls_url pid=$tls_pid
}

the_wire_is_guarded() {
    curl -s --max-time 5 "http://127.0.0.1:$tls_port/whoami" >"$folder/out"
    lacks 'plain http gets no page' 'verdict' "$folder/out"
    curl -s --max-time 5 "$url" >"$folder/out"
    equals 'a client that does not know the certificate goes away' 60 $?
    bare --tls-max 1.1 --ciphers 'DEFAULT@SECLEVEL=0' "$url" -o "$folder/out"
    [ $? -ne 0 ]
    report $? 'TLS 1.1 is refused'
    for version in 1.2 1.3; do
        bare --tlsv$version --tls-max $version "$url" -o "$folder/out"
        report $? "TLS $version is taken"
    done
    printf 'garbage\r\n\r\n' >"$folder/request"
    curl -s --max-time 2 "telnet://127.0.0.1:$tls_port" <"$folder/request" >/dev/null
    equals 'garbage does no harm' 200 "$(status_of "$url")"
}

arguments() {
    key=$folder/site.key certificate=$folder/site.pem
    refused 'a certificate without a key' 2 --keys "$folder/keys" --tls-certificate "$certificate"
    contains 'which says that both are needed' 'both' "$folder/err"
    refused 'a key without a certificate' 2 --keys "$folder/keys" --tls-key "$key"
    refused 'a certificate that is not there' 1 --keys "$folder/keys" --port 0 \
        --tls-certificate "$folder/none" --tls-key "$key"
    refused 'a key that is not there' 1 --keys "$folder/keys" --port 0 \
        --tls-certificate "$certificate" --tls-key "$folder/none"
    chmod 640 "$key"
    refused 'a key that others may read' 1 --keys "$folder/keys" --port 0 \
        --tls-certificate "$certificate" --tls-key "$key"
    contains 'which says what to do' "chmod 600 $key" "$folder/err"
    chmod 600 "$key"
    echo garbage >"$folder/garbage"
    refused 'a certificate of garbage' 1 --keys "$folder/keys" --port 0 \
        --tls-certificate "$folder/garbage" --tls-key "$key"
    contains 'which says so' 'PEM' "$folder/err"
    : >"$folder/empty"
    refused 'an empty certificate' 1 --keys "$folder/keys" --port 0 \
        --tls-certificate "$folder/empty" --tls-key "$key"
    certify other
    refused 'a key of another certificate' 1 --keys "$folder/keys" --port 0 \
        --tls-certificate "$certificate" --tls-key "$folder/other.key"
    chmod 600 "$certificate"
    refused 'certificate and key the wrong way around' 1 --keys "$folder/keys" --port 0 \
        --tls-certificate "$key" --tls-key "$certificate"
    repeat x 65537 >"$folder/large"
    refused 'a certificate of 65,537 bytes' 1 --keys "$folder/keys" --port 0 \
        --tls-certificate "$folder/large" --tls-key "$key"
    timeout 10 "$demo" --keys "$folder/keys" --port 0 --address 192.0.2.1 \
        --tls-certificate "$certificate" --tls-key "$key" >"$folder/out" 2>"$folder/err"
    lacks 'an address that others can reach needs no warning' 'warning' "$folder/err"
}

certify site || { cat "$folder/openssl"; exit 1; }
begin --tls-certificate "$folder/site.pem" --tls-key "$folder/site.key"
tls_url=$url tls_pid=$pid tls_port=$port
cookies_are_guarded
names_are_bound
the_wire_is_guarded
[ ! -s "$folder/first.err" ]
report $? 'nothing was complained about'
stop "$pid" INT
equals 'the server ends with status 0' 0 $?
arguments
finish 'demo, TLS'
