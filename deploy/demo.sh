#!/usr/bin/env bash
# Serves the shipped models on two free loopback ports, solves the demonstration network, stops the server.
#
#     deploy/demo.sh VENV [OUT.png]
set -euo pipefail

# ONNX Runtime reports home unless told not to.
export ORT_DISABLE_TELEMETRY=1

venv="$1"
out="${2:-airgraph-demo.png}"
log="$(mktemp)"
server=

stop() {
    status=$?
    trap - EXIT
    if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
        kill -TERM "$server"
        wait "$server" || true
    fi
    # The log is worth reading only where something went wrong.
    [ "$status" = 0 ] || { echo "the demo failed; the server's last lines:" >&2; tail -n 20 "$log" >&2; }
    rm -f "$log"
    exit "$status"
}
trap stop EXIT
trap 'exit 130' INT TERM

# Both sockets are open at once, so the two ports differ.
read -r port metrics_port < <("$venv/bin/python" -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))')
target="127.0.0.1:$port"

echo "==> starting airgraph-server on $target"
"$venv/bin/airgraph-server" --host 127.0.0.1 --port "$port" --metrics-port "$metrics_port" >"$log" 2>&1 &
server=$!

for attempt in $(seq 1 60); do
    kill -0 "$server" 2>/dev/null || { echo "airgraph-server ended before it was ready" >&2; exit 1; }
    "$venv/bin/airgraph" status --target "$target" >/dev/null 2>&1 && break
    [ "$attempt" -lt 60 ] || { echo "airgraph-server was not ready after a minute" >&2; exit 1; }
    sleep 0.5
done

echo "==> solving a network of 50 pairs"
"$venv/bin/airgraph" demo --target "$target" --out "$out"
echo "==> the picture is $(realpath "$out")"
