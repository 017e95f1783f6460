"""Signing in by OpenID Connect: the authorization code flow with PKCE, as the relying party.

A provider is asked only at the addresses that its configured issuer gives for itself, without redirects and
within one time limit. What travels through the browser is derived from the secret of the browser's cookie.
"""

import asyncio
import base64
import hmac
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from service.http.login import Connection, context_of
from service.platform.areas.accounts import OidcProvider
from service.platform.sealing import derive_from
from service.platform.settings import Settings
from service.usecases.sign_in_elsewhere import Elsewhere

ALGORITHMS = ("RS256", "PS256", "ES256")
KEY_TYPES = frozenset({"RSA", "EC"})
LEEWAY_SECONDS = 60
LONGEST_SUBJECT = 255
USER_AGENT = "zhihao"


class ProviderUnknown(Exception):
    """The settings name no such provider."""


class ProviderUnavailable(Exception):
    """The provider does not answer, or not as an OpenID provider does."""

    headers = {"Retry-After": "10"}  # noqa: RUF012 -- read-only, as Exception's own attributes are


class SignInRefused(Exception):
    """The provider said no, or what it or the browser brought is not what was asked for."""


@dataclass(frozen=True)
class Answer:
    """What the browser brought back."""

    state: str | None
    code: str | None
    issuer: str | None
    error: str | None


class Provider:
    """One provider, with what it says of itself and its keys, remembered for a while."""

    def __init__(self, config: OidcProvider, settings: Settings) -> None:
        self._config, self._settings = config, settings
        public_url = settings.public_url.rstrip("/")
        self._redirect_uri = f"{public_url}/auth/oidc/{config.name}/callback"
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def authorization_url(self, browser: str) -> str:
        """Where to send the browser with this secret. Raises ``ProviderUnavailable``."""
        async with self._client() as client:
            metadata = await self._described(client)
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=derived(browser, "state"),
                nonce=derived(browser, "nonce"),
                code_verifier=derived(browser, "verifier"),
            )
        return str(url)

    async def identify(self, browser: str, answer: Answer) -> Elsewhere:
        """Who came back, with a state that was looked at before.

        Raises ``ProviderUnavailable`` and ``SignInRefused``.
        """
        async with self._client() as client:
            metadata = await self._described(client)
            # RFC 9207: an answer of another provider's is not taken to this one.
            told = metadata.get("authorization_response_iss_parameter_supported") is True
            if answer.issuer != self._config.issuer and (told or answer.issuer is not None):
                raise SignInRefused("The answer is not of the provider that was asked.")
            if answer.error is not None or not answer.code:
                raise SignInRefused("The provider did not sign you in.")
            token = await self._exchange(client, metadata, browser, answer.code)
            claims = await self._verified(client, metadata, token, derived(browser, "nonce"))
            if "email" not in claims and metadata.get("userinfo_endpoint"):
                claims |= await self._more(client, metadata["userinfo_endpoint"], token, claims["sub"])
        return self._elsewhere(claims)

    def _client(self) -> Any:
        secret = self._config.client_secret
        return _Limited(
            AsyncOAuth2Client(
                client_id=self._config.client_id,
                client_secret=secret or None,
                token_endpoint_auth_method="client_secret_basic" if secret else "none",
                scope=self._config.scopes,
                redirect_uri=self._redirect_uri,
                code_challenge_method="S256",
                timeout=self._settings.oidc_timeout_seconds,
                follow_redirects=False,
                trust_env=False,
                verify=_tls(),
                headers={"User-Agent": USER_AGENT},
            ),
            self._settings.oidc_timeout_seconds,
        )

    async def _described(self, client: Any) -> dict[str, Any]:
        if self._metadata is not None:
            at, known = self._metadata
            if monotonic() - at < self._settings.oidc_metadata_seconds:
                return known
        url = f"{self._config.issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = await self._read(client, url)
        if metadata.get("issuer") != self._config.issuer:
            raise ProviderUnavailable("The provider says that it is another.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not self._may_be_asked(metadata.get(name)):
                raise ProviderUnavailable(f"The provider has no usable {name}.")
        if not self._may_be_asked(metadata.get("userinfo_endpoint")):
            metadata.pop("userinfo_endpoint", None)
        self._metadata = (monotonic(), metadata)
        return metadata

    def _may_be_asked(self, url: object) -> bool:
        """Over TLS; or on the issuer's own machine, where that is this one."""
        if not isinstance(url, str):
            return False
        parts, own = urlsplit(url), urlsplit(self._config.issuer)
        return parts.scheme == "https" or (own.scheme == "http" and parts.hostname == own.hostname)

    async def _read(self, client: Any, url: str, **request: Any) -> dict[str, Any]:
        answer = await client.request("GET", url, withhold_token=True, **request)
        if answer.status_code != 200:
            raise ProviderUnavailable(f"The provider answered {answer.status_code}.")
        found = answer.json()
        if not isinstance(found, dict):
            raise ProviderUnavailable("The provider's answer is not understood.")
        return found

    async def _exchange(
        self, client: Any, metadata: Mapping[str, Any], browser: str, code: str
    ) -> dict[str, Any]:
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if self._config.client_secret and "client_secret_basic" not in methods:
            client.token_endpoint_auth_method = "client_secret_post"  # noqa: S105 -- a method's name
        try:
            token: dict[str, Any] = await client.fetch_token(
                metadata["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=derived(browser, "verifier"),
            )
        except AuthlibBaseError:
            raise SignInRefused("The provider did not take the code.") from None
        if not isinstance(token.get("id_token"), str):
            raise SignInRefused("The provider sent no ID token.")
        return token

    async def _verified(
        self, client: Any, metadata: Mapping[str, Any], token: Mapping[str, Any], nonce: str
    ) -> dict[str, Any]:
        """The claims of the ID token, when its signature, issuer, audience, time and nonce are right."""
        try:
            try:
                decoded = jwt.decode(
                    token["id_token"], await self._signing_keys(client, metadata), algorithms=ALGORITHMS
                )
            except InvalidKeyIdError:
                keys = await self._signing_keys(client, metadata, again=True)
                decoded = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS)
            claims = dict(decoded.claims)
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": self._config.issuer},
                sub={"essential": True},
                aud={"essential": True, "value": self._config.client_id},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError, TypeError, KeyError):
            raise SignInRefused("The provider's ID token is not valid.") from None
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._config.client_id) != self._config.client_id:
            raise SignInRefused("The provider's ID token is for another.")
        if not isinstance(claims["sub"], str) or not 1 <= len(claims["sub"]) <= LONGEST_SUBJECT:
            raise SignInRefused("The provider's ID token names nobody.")
        return claims

    async def _signing_keys(self, client: Any, metadata: Mapping[str, Any], *, again: bool = False) -> KeySet:
        """The provider's keys; asked for ``again`` when a token names one that is new."""
        now = monotonic()
        if self._keys is not None:
            at, known = self._keys
            patience = (
                self._settings.oidc_keys_pause_seconds if again else self._settings.oidc_metadata_seconds
            )
            if now - at < patience:
                return known
        found = (await self._read(client, metadata["jwks_uri"])).get("keys")
        usable = [
            key
            for key in (found if isinstance(found, list) else [])
            if isinstance(key, dict) and key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig"
        ]
        if not usable:
            raise ProviderUnavailable("The provider has no usable keys.")
        keys = KeySet.import_key_set({"keys": usable})
        self._keys = (now, keys)
        return keys

    async def _more(self, client: Any, url: str, token: Mapping[str, Any], subject: str) -> dict[str, Any]:
        """What is only told at the provider's userinfo address, if it is of the same person."""
        headers = {"Authorization": f"Bearer {token.get('access_token')}"}
        told = await self._read(client, url, headers=headers)
        if told.get("sub") != subject:
            raise SignInRefused("The provider told of somebody else.")
        return {name: told[name] for name in ("email", "email_verified", "name") if name in told}

    def _elsewhere(self, claims: Mapping[str, Any]) -> Elsewhere:
        email, name = claims.get("email"), claims.get("name")
        email = email if isinstance(email, str) and email.isprintable() else None
        domains = {domain.lower() for domain in self._config.email_domains}
        believed = not domains or (email or "").rpartition("@")[2].lower() in domains
        return Elsewhere(
            provider=self._config.name,
            issuer=self._config.issuer,
            subject=claims["sub"],
            email=email,
            email_verified=claims.get("email_verified") is True and believed,
            name=name if isinstance(name, str) and name.isprintable() else None,
        )


@cache
def _tls() -> ssl.SSLContext:
    """One for all: reading the authorities takes longer than the rest."""
    return ssl.create_default_context()


class _Limited:
    """A client that has so many seconds for all it does, and whose failures are the provider's absence."""

    def __init__(self, client: Any, seconds: float) -> None:
        self._client, self._limit = client, asyncio.timeout(seconds)

    async def __aenter__(self) -> Any:
        await self._client.__aenter__()
        await self._limit.__aenter__()
        return self._client

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError:
            raise ProviderUnavailable("The provider does not answer.") from None
        finally:
            await self._client.__aexit__(None, None, None)
        if isinstance(error, httpx2.HTTPError):
            raise ProviderUnavailable("The provider does not answer.") from None
        if isinstance(error, ValueError | KeyError | JoseError):
            raise ProviderUnavailable("The provider's answer is not understood.") from None


def provider_of(connection: Connection, name: str) -> Provider:
    """The provider of this name. Raises ``ProviderUnknown``."""
    state = connection.app.state
    settings = context_of(connection).settings
    if "oidc" not in state:
        state["oidc"] = {each.name: Provider(each, settings) for each in settings.oidc.values()}
    found: Provider | None = state["oidc"].get(name)
    if found is None:
        raise ProviderUnknown("There is no such provider.")
    return found


def is_answer_to(browser: str, answer: Answer) -> bool:
    """Whether this browser was sent with the state it brought."""
    return answer.state is not None and hmac.compare_digest(
        answer.state.encode(), derived(browser, "state").encode()
    )


def derived(browser: str, purpose: str) -> str:
    """43 characters of base64url that only the secret of the browser's cookie leads to."""
    material = derive_from(browser.encode(), f"oidc-{purpose}")
    return base64.urlsafe_b64encode(material).rstrip(b"=").decode()
