"""Ids that sort by time: a prefix, 48 bits of milliseconds, 80 random bits, in base 32."""

import os
import threading
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
RANDOM_BITS = 80
STEP_BITS = 48
_PAIRS = [one + other for one in ALPHABET for other in ALPHABET]
"""Two characters by their ten bits."""
_SHIFTS = range(5 * LENGTH - 10, -1, -10)

POOL_IDS = 256
"""Randomness is taken for so many ids at once: each time the thread lets go of Python's lock, and
waits until the others let it have it again."""
_CHANCE_BYTES = (RANDOM_BITS + STEP_BITS) // 8

_lock = threading.Lock()
_last = 0
_pool: list[int] = []


def new_id(prefix: str) -> str:
    """`msg_01j…`: 26 characters after the prefix. Later ids of a process sort after its earlier
    ones, also within a millisecond and when the clock is set back."""
    global _last
    with _lock:
        chance = (_pool or _refilled()).pop()
        fresh = (time.time_ns() // 1_000_000 << RANDOM_BITS) | chance >> STEP_BITS
        next_one = _last + 1 + (chance & (1 << STEP_BITS) - 1)
        _last = value = max(fresh, next_one)
    return _spelled(prefix, value)


def _refilled() -> list[int]:
    drawn = os.urandom(POOL_IDS * _CHANCE_BYTES)
    _pool.extend(int.from_bytes(drawn[at : at + _CHANCE_BYTES])
                 for at in range(0, len(drawn), _CHANCE_BYTES))  # fmt: skip
    return _pool


def first_id(prefix: str, millis: int) -> str:
    """A bound: ids made since that millisecond of the epoch sort after it."""
    return _spelled(prefix, millis << RANDOM_BITS)


def last_id(prefix: str) -> str:
    """A bound: every id sorts before it."""
    return f"{prefix}_{ALPHABET[-1] * LENGTH}"


def millis_of(made: str) -> int:
    """The millisecond of the epoch in which an id was made."""
    value = 0
    for digit in made.rpartition("_")[2]:
        value = value << 5 | ALPHABET.index(digit)
    return value >> RANDOM_BITS


def _spelled(prefix: str, value: int) -> str:
    return f"{prefix}_{''.join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])}"
