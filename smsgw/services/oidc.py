"""Who somebody is, as the company's identity provider says: OpenID Connect, the code flow with PKCE.

A browser is sent to the provider with a state that is sealed into a cookie of its own, and comes back with a code. The
state is good once and for ten minutes; the code is exchanged here, and the token counts only with the provider's
signature, for this client, of this sign-in (nonce) and before its end. What comes of it is a name that people.toml
knows or not: no role comes from outside. OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9207.
"""

from __future__ import annotations

import hmac
import json
import ssl
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

from smsgw.config.oidc import OidcSettings, is_safe
from smsgw.errors import RequestError
from smsgw.store.seal import Sealer, SealError

PENDING_MS: Final = 10 * 60_000
_SEALED: Final = "oidc"
_TIMEOUT_S: Final = 10.0
_KEPT_S: Final = 3600.0
_LEEWAY_S: Final = 60
_ALGORITHMS: Final = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA",
]  # fmt: skip
"""Signatures that only the provider can make: none with a shared secret, and never none at all."""


class NotProved(RequestError):
    """Nobody is signed in. ``word``: ``over``, ``refused``, ``away`` or ``unknown``, for the page to say it."""

    def __init__(self, word: str, why: str) -> None:
        super().__init__("forbidden", why)
        self.word = word


@dataclass(frozen=True, slots=True)
class _Pending:
    """A browser that is at the provider."""

    state: str
    nonce: str
    verifier: str
    began_ms: int


class Provider:
    """The provider of a site. ``use_once`` says of a state whether this is its first use; ``now_ms`` is real time."""

    def __init__(
        self,
        settings: OidcSettings,
        sealer: Sealer,
        use_once: Callable[[str], Awaitable[bool]],
        now_ms: Callable[[], int],
    ) -> None:
        self.settings = settings
        self._sealer = sealer
        self._use_once = use_once
        self._now_ms = now_ms
        self._verify = ssl.create_default_context(cafile=settings.ca) if settings.ca is not None else True
        self._known: dict[str, Any] = {}
        self._known_until_s = 0.0

    async def begin(self) -> tuple[str, str]:
        """Where to send the browser, and the cookie that it has to come back with. Raises NotProved ``away``."""
        metadata = await self._metadata()
        pending = _Pending(generate_token(43), generate_token(43), generate_token(64), self._now_ms())
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": self.settings.scope,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": create_s256_code_challenge(pending.verifier),
            "code_challenge_method": "S256",
        }
        where = metadata["authorization_endpoint"]
        sealed = self._sealer.seal(json.dumps([_SEALED, asdict(pending)]).encode())
        return f"{where}{'&' if '?' in where else '?'}{urlencode(query)}", urlsafe_b64encode(sealed).decode()

    async def finish(self, cookie: str, query: Mapping[str, str]) -> str:
        """Who came back with that cookie and that query, as the provider names them. Raises NotProved, StoreError."""
        pending = self._opened(cookie)
        given = query.get("state", "")
        if pending is None or not hmac.compare_digest(given.encode(), pending.state.encode()):
            raise NotProved("over", "the state is not the one that this browser was sent away with")
        if not 0 <= self._now_ms() - pending.began_ms < PENDING_MS:
            raise NotProved("over", "the sign-in took too long")
        if not await self._use_once(pending.state):
            raise NotProved("over", "the state was used before")
        if query.get("iss", self.settings.issuer) != self.settings.issuer:
            raise NotProved("refused", "the answer is another provider's")
        if not query.get("code"):
            raise NotProved("refused", f"the provider gave no code: {query.get('error', '')[:100]!r}")
        tokens = await self._tokens(query["code"], pending.verifier)
        claims = await self._claims(tokens, pending.nonce)
        return await self._identity(claims, tokens)

    def is_same(self, identity: str, written: str) -> bool:
        """Whether people.toml means this one: addresses are compared without case, anything else as it is."""
        if self.settings.claim == "email":
            identity, written = identity.casefold(), written.casefold()
        return bool(written) and identity == written

    def _opened(self, cookie: str) -> _Pending | None:
        try:
            purpose, pending = json.loads(self._sealer.open(urlsafe_b64decode(cookie)))
            return _Pending(**pending) if purpose == _SEALED else None
        except (SealError, ValueError, TypeError):
            return None

    async def _identity(self, claims: Mapping[str, Any], tokens: Mapping[str, Any]) -> str:
        name = self.settings.claim
        if name not in claims and "userinfo_endpoint" in (metadata := await self._metadata()):
            bearer = {"authorization": f"Bearer {tokens.get('access_token', '')}"}
            found = await self._asked("GET", metadata["userinfo_endpoint"], headers=bearer)
            if found.get("sub") != claims["sub"]:
                raise NotProved("refused", "the provider's user info is about somebody else")
            claims = found
        identity = claims.get(name)
        if not isinstance(identity, str) or not identity:
            raise NotProved("refused", f"the provider says nothing of {name}")
        if name == "email" and claims.get("email_verified") is not True:
            raise NotProved("refused", "the provider has not verified the address (email_verified)")
        return identity

    async def _tokens(self, code: str, verifier: str) -> dict[str, Any]:
        settings, metadata = self.settings, await self._metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "code_verifier": verifier,
        }
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        auth = None
        if not settings.client_secret_file:
            form["client_id"] = settings.client_id
        elif "client_secret_basic" in methods or "client_secret_post" not in methods:
            auth = httpx.BasicAuth(quote(settings.client_id, safe=""), quote(settings.client_secret_file, safe=""))
        else:
            form |= {"client_id": settings.client_id, "client_secret": settings.client_secret_file}
        return await self._asked("POST", metadata["token_endpoint"], data=form, auth=auth)

    async def _claims(self, tokens: Mapping[str, Any], nonce: str) -> CodeIDToken:
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise NotProved("refused", "the provider gave no id_token")
        try:
            try:
                decoded = jwt.decode(token, await self._keys(), algorithms=_ALGORITHMS)
            except (JoseError, ValueError):  # its keys may be new ones
                decoded = jwt.decode(token, await self._keys(anew=True), algorithms=_ALGORITHMS)
            options = {
                "iss": {"essential": True, "value": self.settings.issuer},
                "aud": {"essential": True, "value": self.settings.client_id},
                "sub": {"essential": True},
            }
            params = {
                "nonce": nonce,
                "client_id": self.settings.client_id,
                "access_token": tokens.get("access_token"),
            }
            claims = CodeIDToken(decoded.claims, decoded.header, options, params)
            claims.validate(self._now_ms() // 1000, _LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise NotProved("refused", f"the token is not good: {error}") from error
        return claims

    async def _keys(self, *, anew: bool = False) -> KeySet:
        metadata = await self._metadata()
        if anew or "keys" not in self._known:
            listed = (await self._asked("GET", metadata["jwks_uri"])).get("keys")
            found = []
            for each in listed if isinstance(listed, list) else ():
                try:
                    found.append(import_key(each))
                except (JoseError, ValueError, TypeError, KeyError):
                    continue  # of a kind that nobody here knows; it may be for something else
            self._known["keys"] = KeySet(found)
        keys = self._known["keys"]
        assert isinstance(keys, KeySet)
        return keys

    async def _metadata(self) -> dict[str, Any]:
        """Where the provider has its doors. Raises NotProved ``away``."""
        if monotonic() >= self._known_until_s:
            self._known = {}
            found = await self._asked("GET", f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.settings.issuer:
                why = f"the provider calls itself {str(found.get('issuer'))[:200]!r}, not as [console.oidc] issuer does"
                raise NotProved("away", why)
            for door in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not is_safe(str(found.get(door, "")).partition("?")[0]):
                    raise NotProved("away", f"the provider's {door} is missing, or not HTTPS")
            self._known, self._known_until_s = {"metadata": found}, monotonic() + _KEPT_S
        metadata = self._known["metadata"]
        assert isinstance(metadata, dict)
        return metadata

    async def _asked(self, method: str, url: str, **rest: Any) -> dict[str, Any]:
        headers = {"accept": "application/json", **rest.pop("headers", {})}
        try:
            async with httpx.AsyncClient(verify=self._verify, timeout=_TIMEOUT_S) as client:
                answer = await client.request(method, url, headers=headers, **rest)
                found = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            why = f"the provider can't be asked ({type(error).__name__}); [console.oidc] issuer: {self.settings.issuer}"
            raise NotProved("away", why) from error
        if not answer.is_success or not isinstance(found, dict):
            said = str(found.get("error", ""))[:100] if isinstance(found, dict) else ""
            word = "refused" if answer.is_client_error else "away"
            raise NotProved(word, f"the provider answered {answer.status_code} {said!r}".replace(" ''", ""))
        return found
