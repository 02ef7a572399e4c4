"""`uniqueString`: the hash that Azure made of Murmur, and its 13 letters.

Held against `uniquestring-vectors.json` (real deployments and the official engine).
"""

from __future__ import annotations

from arm_template.dotnet.utf16 import utf8

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
MASK = 0xFFFFFFFF
LENGTH = 13
BLOCK = 8


def unique_string(*parts: str) -> str:
    """Return the 13 letters for the parts, joined with "-"."""
    wide = murmur64(utf8("-".join(parts))) << 1  # the 64 bits in letters of five: a zero fills up the last
    return "".join(ALPHABET[wide >> 5 * at & 31] for at in range(LENGTH - 1, -1, -1))


def murmur64(data: bytes, seed: int = 0) -> int:
    """Hash to 64 bits: two lanes of 32, the first in the lower half."""
    one = two = seed
    whole = len(data) - len(data) % BLOCK
    for at in range(0, whole, BLOCK):
        one, two = _block(one, two, data[at : at + BLOCK])
    one, two = _tail(one, two, data[whole:])
    return _finish(one ^ len(data), two ^ len(data))


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & MASK


def _lane_one(value: int) -> int:
    return _rotate(value * 597399067 & MASK, 15) * 2869860233 & MASK


def _lane_two(value: int) -> int:
    return _rotate(value * 2869860233 & MASK, 17) * 597399067 & MASK


def _block(one: int, two: int, block: bytes) -> tuple[int, int]:
    one ^= _lane_one(int.from_bytes(block[:4], "little"))
    one = (_rotate(one, 19) + two & MASK) * 5 + 1444728091 & MASK
    two ^= _lane_two(int.from_bytes(block[4:], "little"))
    two = (_rotate(two, 13) + one & MASK) * 5 + 197830471 & MASK
    return one, two


def _tail(one: int, two: int, rest: bytes) -> tuple[int, int]:
    if len(rest) > 4:  # noqa: PLR2004 - bytes of a lane
        two ^= _lane_two(int.from_bytes(rest[4:], "little"))
    if rest:
        one ^= _lane_one(int.from_bytes(rest[:4], "little"))
    return one, two


def _mix(value: int) -> int:
    value = (value ^ value >> 16) * 2246822507 & MASK
    value = (value ^ value >> 13) * 3266489909 & MASK
    return value ^ value >> 16


def _finish(one: int, two: int) -> int:
    one = one + two & MASK
    two = two + one & MASK
    one, two = _mix(one), _mix(two)
    one = one + two & MASK
    two = two + one & MASK
    return two << 32 | one
