"""A ClickHouse of the present dialect behind HTTP: chdb, for tests. ``python -m tests.clickhouse_present DIRECTORY``.

Takes what ``records.clickhouse.client`` sends: a statement in the body, or one that inserts in the address and blocks
of the Native form in the body. Prints its port. One request after the other, one database for the whole process.
"""

from __future__ import annotations

import sys
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chdb.session import Session  # type: ignore[import-untyped, unused-ignore]


class _Handler(BaseHTTPRequestHandler):
    session: Any

    def do_POST(self) -> None:
        body = self._body()
        query = parse_qs(urlsplit(self.path).query).get("query", [""])[0]
        try:
            answer = self._insert(query, body) if query else self._ask(body.decode())
        except Exception as error:  # chdb raises RuntimeError and its own
            self._answer(500, str(error).encode())
        else:
            self._answer(200, answer)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _insert(self, query: str, body: bytes) -> bytes:
        into = query.removesuffix(" FORMAT Native")
        columns = into[into.index("(") :].strip("()")
        with tempfile.NamedTemporaryFile(suffix=".native") as file:
            file.write(body)
            file.flush()
            self.session.query(f"{into} SELECT {columns} FROM file('{file.name}', 'Native')")
        return b""

    def _ask(self, sql: str) -> bytes:
        return bytes(self.session.query(sql.removesuffix(" FORMAT JSONCompact"), "JSONCompact").bytes())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def main(directory: Path) -> None:
    _Handler.session = Session(str(directory))
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
