"""Whose budget it is, without telling the credential."""

import hashlib


def client_id(base_url: str, key: str) -> str:
    """16 hex digits that tell clients apart: a hash of base URL and credential, which it does not reveal.

    A trailing slash of the URL makes no difference: Optimove counts by key (reference, section 1.3).
    """
    return hashlib.sha256(f"{base_url.rstrip('/')}\n{key}".encode()).hexdigest()[:16]
