"""A worker for tests of the supervisor: does what files beside its site say, without a gateway.

<site>/<name>: "fails" (ends at once with status 3), "deaf" (never ends by itself), anything else or nothing: serves
<site>/<name>.json: what its /status says, if it is there; <name>.next takes its place when some worker is stopped. It
writes what it was told at its start into <site>/lives, each order into <site>/heard, and its name into <site>/asked
when somebody looks at its /status.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

SITE = Path(sys.argv[sys.argv.index("--site") + 1])


def note(file: str, line: str) -> None:
    with (SITE / file).open("a") as notes:
        notes.write(line + "\n")


class Pages(BaseHTTPRequestHandler):
    name = ""

    def do_GET(self) -> None:
        body = b'{"ready": true, "not_ready": {}}'
        if self.path == "/status":
            note("asked", self.name)
            page = SITE / f"{self.name}.json"
            body = page.read_bytes() if page.exists() else body
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def main() -> None:
    errand = json.loads(sys.stdin.readline())
    Pages.name = errand["name"]
    order = SITE / Pages.name
    said = order.read_text() if order.exists() else ""
    note("lives", json.dumps(errand))
    if said == "fails":
        sys.exit(3)
    server = HTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"ops_port": server.server_port}), flush=True)
    for line in sys.stdin:
        what = json.loads(line)["do"]
        note("heard", f"{Pages.name} {what}")
        if what == "stop":
            for page in SITE.glob("*.next"):
                page.rename(page.with_suffix(".json"))
            break
    if said == "deaf":
        time.sleep(600)
    print(json.dumps({"left": True}), flush=True)


main()
