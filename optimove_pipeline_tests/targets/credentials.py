"""Credentials with an end: SAS tokens, certificates of OpenSSH keys, certificate files."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
)
from cryptography.x509.oid import NameOID


def sas(**parameters: str) -> str:
    """Return a SAS token with these parameters besides a signature."""
    return urlencode({"sv": "2024-11-04", "sr": "c", "sp": "rcwl", **parameters, "sig": "canary+signature/="})


def ssh_certificate(file: Path, valid_before: int) -> None:
    """Write the certificate of a key that holds until ``valid_before`` (epoch seconds)."""
    authority, key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    builder = (
        SSHCertificateBuilder()
        .public_key(key.public_key())
        .serial(1)
        .type(SSHCertificateType.USER)
        .key_id(b"optimove")
        .valid_principals([b"shop"])
        .valid_after(0)
        .valid_before(valid_before)
    )
    file.write_bytes(builder.sign(authority).public_bytes())


def ssh_public_key(file: Path) -> None:
    """Write a plain public key."""
    key = Ed25519PrivateKey.generate().public_key()
    file.write_bytes(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))


def x509_certificate(name: str, end: datetime) -> bytes:
    """Return the certificate of an authority."""
    key = Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=365))
        .not_valid_after(end)
    )
    return builder.sign(key, None).public_bytes(Encoding.PEM)
