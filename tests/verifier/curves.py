"""Ed25519 as statement.md and ledger.md want it: the library's check, and what it leaves open.

OpenSSL checks s < L and the equation without the cofactor. It takes keys and R of small order, keys in a second
encoding and keys with a component of small order; those are refused here.
"""
import functools

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .basics import need

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def decompressed(data):
    """The point in extended coordinates, and whether this is its only encoding; None for no point."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    only, y = y < P, y % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None, False
    only = only and not (x == 0 and sign)
    x = P - x if x & 1 != sign else x
    return (x % P, y, 1, x * y % P), only


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(factor, point):
    result = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            result = add(result, point)
        point, factor = add(point, point), factor >> 1
    return result


def is_neutral(point):
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0


@functools.lru_cache(maxsize=4096)
def sound_ed25519(data, torsion_free=True):
    """The gate of statement.md part 3; a note's key need not be free of torsion."""
    need(len(data) == 32, "not a key")
    point, only = decompressed(data)
    need(point, "no point of the curve")
    need(only or not torsion_free, "not the point's only encoding")
    need(not is_neutral(times(8, point)), "a point of small order")
    need(not torsion_free or is_neutral(times(L, point)), "a point with a component of small order")


def ed25519_holds(key, message, signature):
    if len(signature) != 64:
        return False
    point, only = decompressed(signature[:32])
    if not point or not only or is_neutral(times(8, point)):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True
