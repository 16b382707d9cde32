# nginx in front of a FastCGI program, for a test. Source it; nginx_start sets nginx_pid, to be
# ended with kill -QUIT (answers what is under way) or -TERM, and waited for.
# shellcheck shell=sh

PATH=$PATH:/usr/sbin

# Prints a TCP port that nobody listens at. Below those that the system gives to clients.
free_port() {
    while :; do
        free_port_try=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 10000))
        curl -s -o /dev/null "http://127.0.0.1:$free_port_try/"
        [ $? -ne 7 ] || break
    done
    echo "$free_port_try"
}

# Writes FOLDER/nginx.conf, starts nginx and waits until it listens. All its files are in FOLDER.
# PORT speaks HTTP/1.1, HTTP2_PORT HTTP/2 without TLS (curl --http2-prior-knowledge). FASTCGI is
# HOST:PORT or unix:PATH. MORE are directives for the location, such as
# 'fastcgi_request_buffering off;'. With nginx_tls, a PEM file with certificate and key, HTTP2_PORT
# speaks TLS: curl 7.88 cannot send a second request on a connection of HTTP/2 without.
# Fails, with the reason on stderr, when nginx ends at once.
nginx_start() { # FOLDER FASTCGI PORT HTTP2_PORT [MORE]
    nginx_user=
    # Else the workers would be another user, who may not enter a test's folder.
    [ "$(id -u)" -ne 0 ] || nginx_user='user root root;'
    nginx_http2=http2
    [ -z "${nginx_tls:-}" ] ||
        nginx_http2="ssl http2; ssl_certificate $nginx_tls; ssl_certificate_key $nginx_tls"
    cat >"$1/nginx.conf" <<CONFIGURATION
daemon off;
master_process on;
worker_processes 2;
$nginx_user
pid $1/nginx.pid;
error_log $1/nginx.err warn;
events { worker_connections 256; }
http {
    access_log off;
    keepalive_timeout 30s;
    client_body_temp_path $1/nginx-body;
    fastcgi_temp_path $1/nginx-fastcgi;
    proxy_temp_path $1/nginx-proxy;
    scgi_temp_path $1/nginx-scgi;
    uwsgi_temp_path $1/nginx-uwsgi;
    server {
        listen 127.0.0.1:$3;
        listen 127.0.0.1:$4 $nginx_http2;
        location / {
            fastcgi_pass $2;
            fastcgi_param REQUEST_METHOD \$request_method;
            fastcgi_param REQUEST_URI \$request_uri;
            fastcgi_param DOCUMENT_URI \$document_uri;
            fastcgi_param QUERY_STRING \$query_string;
            fastcgi_param CONTENT_TYPE \$content_type;
            fastcgi_param CONTENT_LENGTH \$content_length;
            fastcgi_param SERVER_PROTOCOL \$server_protocol;
            fastcgi_param REMOTE_ADDR \$remote_addr;
            ${5:-}
        }
    }
}
CONFIGURATION
    nginx -e "$1/nginx.err" -p "$1" -c "$1/nginx.conf" &
    nginx_pid=$!
    for _ in $(seq 100); do
        kill -0 "$nginx_pid" 2>/dev/null || break
        # The file comes after the sockets.
        [ ! -s "$1/nginx.pid" ] || return 0
        sleep 0.1
    done
    cat "$1/nginx.err" >&2
    return 1
}
