"""Public keys as people write them down."""

import base64


def public_blob(line: str) -> bytes:
    """The key in a line of ``authorized_keys``.

    Raises:
        ValueError: It is no such line.
    """
    try:
        kind, encoded = line.split()[:2]
        blob = base64.b64decode(encoded, validate=True)
    except ValueError as problem:
        raise ValueError("expected the line of a public key, such as: ssh-ed25519 AAAA… name") from problem
    if kind.encode() not in blob[:64]:
        raise ValueError("expected the line of a public key; its kind and its text do not match")
    return blob
