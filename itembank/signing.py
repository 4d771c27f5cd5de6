"""Signatures that the other district can check without being able to make them: Ed25519 (RFC 8032).

A keyed hash would not do: who can check it can also make it, and the district's key is also what recognises its
students, so it never leaves the district. The signing key is derived from it one way; only the public key is shared.

Written with Python's integers, because no package of this project signs. Not hardened against somebody who measures
times on the signing machine; signing happens on the district's own.
"""

import hashlib
import hmac

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)

Point = tuple[int, int, int, int]  # extended coordinates: x = X/Z, y = Y/Z, x·y = T/Z
_NEUTRAL: Point = (0, 1, 1, 0)


def _add(one: Point, other: Point) -> Point:
    """The sum of two points of the twisted Edwards curve (Hisil and others 2008, unified formula)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: Point) -> Point:
    found = _NEUTRAL
    while factor:
        if factor & 1:
            found = _add(found, point)
        point = _add(point, point)
        factor >>= 1
    return found


def _same(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % _P == 0 and (one[1] * other[2] - other[1] * one[2]) % _P == 0


def _x_of(y: int, odd: int) -> int | None:
    """The x of a point of the curve with this y and parity; None where there is none."""
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if square == 0:
        return None if odd else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if (x * x - square) % _P:
        return None
    return x if x & 1 == odd else _P - x


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decoded(text: bytes) -> Point | None:
    if len(text) != 32:
        return None
    number = int.from_bytes(text, "little")
    y = number & (1 << 255) - 1
    x = _x_of(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % _P)


_BASE_Y = 4 * pow(5, -1, _P) % _P
_BASE_X = _x_of(_BASE_Y, 0) or 0
_BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


def _number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _secrets(seed: bytes) -> tuple[int, bytes]:
    """The secret factor and the prefix that makes each signature's own number."""
    found = hashlib.sha512(seed).digest()
    factor = int.from_bytes(found[:32], "little") & ((1 << 254) - 8) | 1 << 254
    return factor, found[32:]


def seed_of(district_key: bytes) -> bytes:
    """The district's signing secret, 32 bytes, from which its key cannot be found again."""
    return hmac.digest(district_key, b"itembank: signature of bundles", "sha256")


def public_key(seed: bytes) -> bytes:
    """The public key of a signing secret, 32 bytes."""
    return _encoded(_times(_secrets(seed)[0], _BASE))


def sign(seed: bytes, message: bytes) -> bytes:
    """The signature of a message, 64 bytes; the same each time."""
    factor, prefix = _secrets(seed)
    key = _encoded(_times(factor, _BASE))
    once = _number(prefix, message) % _ORDER
    point = _encoded(_times(once, _BASE))
    return point + ((once + _number(point, key, message) * factor) % _ORDER).to_bytes(32, "little")


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of a public key signed exactly this message."""
    owner, point = _decoded(key), _decoded(signature[:32])
    share = int.from_bytes(signature[32:], "little")
    if owner is None or point is None or len(signature) != 64 or share >= _ORDER:
        return False
    expected = _add(point, _times(_number(signature[:32], key, message) % _ORDER, owner))
    return _same(_times(share, _BASE), expected)


def fingerprint(key: bytes) -> str:
    """What two people compare by telephone: 24 hexadecimal digits of a hash of the public key, in groups of four."""
    digits = hashlib.sha256(b"itembank public key\n" + key).hexdigest()[:24]
    return "-".join(digits[i : i + 4] for i in range(0, 24, 4))
