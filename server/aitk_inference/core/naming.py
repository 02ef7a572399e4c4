"""Default names of the resources, the same expressions as in ``infra/provision/inference.bicep``."""

from __future__ import annotations

from dataclasses import dataclass

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_MASK = 0xFFFFFFFF
_C1, _C2 = 0x239B961B, 0xAB0E9789
_N1, _N2 = 0x561CCD1B, 0x0BCAA747
_F1, _F2 = 0x85EBCA6B, 0xC2B2AE35
_BLOCK, _LANE = 8, 4
_SUFFIX_LENGTH = 5


@dataclass(frozen=True)
class Names:
    """The names that a resource group's inference resources have unless a parameter says otherwise.

    The suffix is the template's own ``substring(uniqueString(resourceGroup().id), 0, 5)``.
    """

    storage_account: str
    file_share: str
    environment: str
    environment_storage: str
    log_analytics: str
    app: str


def default_names(subscription_id: str, resource_group: str) -> Names:
    """The template's default names for a resource group (case as in the group's ARM id)."""
    group_id = f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}"
    suffix = unique_string(group_id)[:_SUFFIX_LENGTH]
    return Names(
        storage_account=f"aistorage{suffix}",
        file_share=f"aifileshare{suffix}",
        environment=f"aienv{suffix}",
        environment_storage=f"aienvstorage{suffix}",
        log_analytics=f"ailog{suffix}",
        app=f"aiacaapp{suffix}",
    )


def unique_string(*parts: str) -> str:
    """ARM's ``uniqueString``: 13 characters that depend on the arguments alone.

    The arguments are joined with ``-`` and hashed with ARM's 64-bit Murmur variant of two 32-bit lanes; known
    from public implementations, held against values that Azure returned (tests).
    """
    value = _murmur64("-".join(parts).encode())
    return "".join(_ALPHABET[(value << 1 >> shift) & 31] for shift in range(60, -1, -5))


def _murmur64(data: bytes) -> int:
    h1 = h2 = 0
    whole = len(data) - len(data) % _BLOCK
    for start in range(0, whole, _BLOCK):
        h1 ^= _mix1(_lane(data, start))
        h1 = ((_rotate(h1, 19) + h2) * 5 + _N1) & _MASK
        h2 ^= _mix2(_lane(data, start + _LANE))
        h2 = ((_rotate(h2, 13) + h1) * 5 + _N2) & _MASK
    h1 ^= _mix1(_lane(data, whole))
    h2 ^= _mix2(_lane(data, whole + _LANE))
    return _finish(h1 ^ len(data), h2 ^ len(data))


def _finish(h1: int, h2: int) -> int:
    h1, h2 = _add(h1, h2)
    h1, h2 = _add(_avalanche(h1), _avalanche(h2))
    return h2 << 32 | h1


def _add(h1: int, h2: int) -> tuple[int, int]:
    h1 = (h1 + h2) & _MASK
    return h1, (h2 + h1) & _MASK


def _lane(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + _LANE], "little")


def _mix1(k: int) -> int:
    return _rotate(k * _C1 & _MASK, 15) * _C2 & _MASK


def _mix2(k: int) -> int:
    return _rotate(k * _C2 & _MASK, 17) * _C1 & _MASK


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & _MASK


def _avalanche(value: int) -> int:
    value = (value ^ value >> 16) * _F1 & _MASK
    value = (value ^ value >> 13) * _F2 & _MASK
    return value ^ value >> 16
