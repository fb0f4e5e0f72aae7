"""A small identity provider on this machine: what it answers can be bent, to see who believes it."""

from __future__ import annotations

import hmac
import json
import threading
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from smsgw.config.oidc import OidcSettings

CLIENT = "smsgw console"
SECRET = "s:e%cret/ü"
REALM = "/realms/staff"
WAY_BACK = "/api/session/oidc/callback"


@dataclass
class Provider:
    """``claims`` are put over those of every token; ``sign`` makes the token of its claims, if not RS256.

    ``sub``: whom browsers are that come to its page."""

    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    is_ill: bool = False
    sub: str = ""

    def __enter__(self) -> Self:
        self.key = _key("first")
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        provider = self

        class Door(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                if self.path.startswith(f"{REALM}/authorize?"):
                    self.send_response(302)
                    self.send_header("location", provider.way_back(self.path))
                    self.send_header("content-length", "0")
                    self.end_headers()
                else:
                    self._say(provider.page(self.path))

            def do_POST(self) -> None:
                provider.asked.append(self.path)
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode(), keep_blank_values=True)
                asked = {name: values[0] for name, values in form.items()}
                self._say(provider.tokens(asked, self.headers.get("authorization", "")))

            def _say(self, page: Mapping[str, Any]) -> None:
                status = 503 if provider.is_ill else 400 if "error" in page else 200
                body = json.dumps(page).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}{REALM}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def turn_keys(self) -> None:
        """From now on other keys, as providers do every few weeks."""
        self.key = _key("second")

    def settings(self, url: str) -> OidcSettings:
        """``[console.oidc]`` of a console that browsers reach there."""
        found = OidcSettings(issuer=self.issuer, client_id=CLIENT, url=url)
        return found.model_copy(update={"client_secret_file": SECRET})

    def way_back(self, path: str) -> str:
        """Where a browser is sent from the page to sign in: at once, as whoever ``sub`` says."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        answer = self.answer(self.issuer + path.removeprefix(REALM), time(), self.sub)
        return asked["redirect_uri"].removesuffix(WAY_BACK) + answer

    def page(self, path: str) -> Mapping[str, Any]:
        if path.endswith("/.well-known/openid-configuration"):
            doors = {
                "authorization_endpoint": "authorize",
                "token_endpoint": "token",
                "jwks_uri": "keys",
                "userinfo_endpoint": "userinfo",
            }
            here = {name: f"{self.issuer}/{door}" for name, door in doors.items()}
            return {"issuer": self.issuer, **here, **self.metadata}
        if path.endswith("/userinfo"):
            return self.userinfo
        unknown = {"kty": "unheard of", "kid": "third"}
        return {"keys": [unknown, {**self.key.as_dict(private=False), "use": "sig"}]}

    def answer(self, location: str, now_s: float, sub: str) -> str:
        """Somebody signs in at the page that a browser was sent to: the path and query that it is sent back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert location.startswith(f"{self.issuer}/authorize?")
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["redirect_uri"].endswith(f"//localhost:{urlsplit(asked['redirect_uri']).port}{WAY_BACK}")
        assert "openid" in asked["scope"].split()
        code = f"code {len(self.codes)}"
        self.codes[code] = {**asked, "sub": sub, "now_s": str(int(now_s))}
        query = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
        return f"{WAY_BACK}?{query}"

    def tokens(self, form: dict[str, str], authorization: str) -> Mapping[str, Any]:
        name, _, secret = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if "client_secret_post" in self.metadata.get("token_endpoint_auth_methods_supported", ()):
            name, secret = form["client_id"], form["client_secret"]
        asked = self.codes.pop(form["code"], None)
        proof = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if (unquote(name), unquote(secret)) != (CLIENT, SECRET):
            return {"error": "invalid_client"}
        if asked is None or form["redirect_uri"] != asked["redirect_uri"] or proof != asked["code_challenge"]:
            return {"error": "invalid_grant"}
        now_s = int(asked["now_s"])
        own = {"iss": self.issuer, "aud": CLIENT, "sub": asked["sub"], "nonce": asked["nonce"]}
        claims = {**own, "iat": now_s, "exp": now_s + 300, **self.claims}
        token = self.sign or self.signed
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": token(_without_none(claims))}

    def signed(self, claims: dict[str, Any], key: RSAKey | None = None) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, key or self.key)

    def signed_by_another(self, claims: dict[str, Any]) -> str:
        return self.signed(claims, _key("second"))

    def signed_with_what_everybody_knows(self, claims: dict[str, Any]) -> str:
        said = f"{_part({'alg': 'HS256', 'kid': self.key.kid})}.{_part(claims)}"
        proof = hmac.digest(self.key.as_pem(private=False), said.encode(), "sha256")
        return f"{said}.{urlsafe_b64encode(proof).decode().rstrip('=')}"

    def not_signed(self, claims: dict[str, Any]) -> str:
        return f"{_part({'alg': 'none', 'kid': self.key.kid})}.{_part(claims)}."


@cache
def _key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": kid}, private=True)


def _part(page: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(page).encode()).decode().rstrip("=")


def _without_none(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not None}
