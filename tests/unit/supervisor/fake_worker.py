"""A worker for tests of the supervisor: does what a file beside its site says, without a gateway.

<site>/<name>: "fails" (ends at once with status 3), "deaf" (never ends by itself), anything else or nothing: serves
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"ready": true, "not_ready": {}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def main() -> None:
    errand = json.loads(sys.stdin.readline())
    site = Path(sys.argv[sys.argv.index("--site") + 1])
    order = site / errand["name"]
    said = order.read_text() if order.exists() else ""
    with (site / "lives").open("a") as lives:
        lives.write(json.dumps(errand) + "\n")
    if said == "fails":
        sys.exit(3)
    server = HTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"ops_port": server.server_port}), flush=True)
    for line in sys.stdin:
        if json.loads(line) == {"do": "stop"}:
            break
    if said == "deaf":
        time.sleep(600)


main()
