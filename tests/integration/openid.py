"""A provider of OpenID on this machine that says whatever a test has it say, and how to go there."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey


def new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@dataclass
class OpenId:
    """``claims`` go into the next ID token over the right ones; ``metadata`` over what it says of itself."""

    issuer: str
    keys: list[RSAKey]
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    signed_by: Any = None
    broken: set[str] = field(default_factory=set)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "authorization_response_iss_parameter_supported": True,
        } | self.metadata

    def consent(self, url: str, **claims: Any) -> dict[str, str]:
        """What the browser brings back from the address it was sent to, signed in with these claims."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        self.claims = claims
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | None:
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if asked is None or asked["code_challenge"] != base64.urlsafe_b64encode(challenge).decode().rstrip(
            "="
        ):
            return None
        now = int(time.time())
        right = {"iss": self.issuer, "aud": asked["client_id"], "nonce": asked["nonce"]}
        claims = right | {"iat": now, "exp": now + 60} | self.claims
        key = self.signed_by or self.keys[-1]
        header = {"alg": "RS256", "kid": self.keys[-1].kid} | self.header
        token = jwt.encode(header, {n: v for n, v in claims.items() if v is not None}, key, [header["alg"]])
        return {"access_token": "an access token", "token_type": "Bearer", "id_token": token}

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        self.asked.append(path)
        if path in self.broken:
            return 500, {"error": "server_error"}
        if path == "/.well-known/openid-configuration":
            return 200, self.describe()
        if path == "/keys":
            return 200, KeySet([*self.keys]).as_dict(private=False)
        if path == "/userinfo":
            return 200, self.userinfo
        token = self.exchange(form)
        return (400, {"error": "invalid_grant"}) if token is None else (200, token)


@contextmanager
def providing() -> Iterator[OpenId]:
    """A provider until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            status, said = provider.answer(self.path, form)
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            """Nobody listens."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = OpenId(f"http://127.0.0.1:{server.server_port}", [new_key("first")])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def leave(browser: httpx.AsyncClient, name: str = "acme", **query: str) -> str:
    """Where the service sends the browser to."""
    answer = await browser.get(f"/auth/oidc/{name}/login", params=query)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def bring(browser: httpx.AsyncClient, brought: dict[str, str], name: str = "acme") -> httpx.Response:
    """The browser comes back with what the provider gave it."""
    return await browser.get(f"/auth/oidc/{name}/callback?{urlencode(brought)}")
