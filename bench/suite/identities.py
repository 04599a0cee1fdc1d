"""What some workloads need to be somebody: a token that an issuer signed, and a certificate."""

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import time
from pathlib import Path

SECRET = b"this secret signs tokens of a benchmark and nothing else"


def token(secret: bytes, claims: dict[str, object]) -> str:
    """A JWT signed with HMAC and SHA-256 (RFC 7519)."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    signed = f"{head}.{part(json.dumps(claims).encode())}"
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def prepare(folder: Path) -> str:
    """Writes the issuer's secret and a certificate into the folder; gives a token."""
    secret = folder / "issuer.secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    if shutil.which("openssl"):
        key, certificate = folder / "tls.key", folder / "tls.crt"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        command += [
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ]
        subprocess.run(
            [*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
        )
        key.chmod(0o600)
    claims = {"iss": "bench", "aud": "bench", "sub": "caller-1", "tenant": "tenant-1"}
    return token(SECRET, {**claims, "exp": int(time.time()) + 86_400})
