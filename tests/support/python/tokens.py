"""Signs tokens as a back end would: JSON Web Tokens (RFC 7519, HS256) and Beacon tokens."""

import base64
import hashlib
import hmac
import json
import time

from support.python.planet import HS256_SECRET, SIGN_KEY


def in_seconds(seconds: int) -> int:
    """The time that long from now, as tokens have it."""
    return int(time.time()) + seconds


def jwt(key: str = HS256_SECRET, **claims: object) -> str:
    """A JSON Web Token with these claims."""
    text = f"{_base64(json.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{_base64(json.dumps(claims))}"
    return f"{text}.{_base64(hmac.digest(key.encode(), text.encode(), hashlib.sha256))}"


def beacon_token(name: str, expiry: int | None = None, key: str = SIGN_KEY) -> str:
    """A Beacon token over a user or a channel."""
    expiry = in_seconds(60) if expiry is None else expiry
    return f"{expiry};{hmac.digest(key.encode(), f'{name};{expiry}'.encode(), hashlib.sha1).hex()}"


def _base64(value: str | bytes) -> str:
    data = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
