"""Ids that sort by time: a prefix, 48 bits of milliseconds, 80 random bits, in base 32."""

import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26


def new_id(prefix: str) -> str:
    """`msg_01j…`: 26 characters after the prefix; later ids sort after earlier ones."""
    value = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return f"{prefix}_" + "".join(
        ALPHABET[value >> shift & 31] for shift in range(5 * LENGTH - 5, -1, -5)
    )
