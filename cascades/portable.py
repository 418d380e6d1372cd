"""exp and log with the same bits on every machine.

The C library picks another version on processors with fused multiply-add, and the last bit differs; boosting would
then choose another feature some rounds later. These use only IEEE + − × ÷ in a fixed order (about 1e-16 relative).
"""

import math

_LN2_HIGH = 0.693147180369123816490  # ln 2 to 33 bits: k · _LN2_HIGH is exact for the k that occur
_LN2_LOW = 1.90821492927058770002e-10
_TERMS = 14


def exp(x: float) -> float:
    """eˣ by reduction to |r| ≤ ln 2 / 2 and the Taylor series in Horner's form; 0 and inf beyond ±700."""
    if not -700 < x < 700:
        return 0.0 if x < 0 else math.inf
    k = math.floor(x / (_LN2_HIGH + _LN2_LOW) + 0.5)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    total = 1.0
    for n in range(_TERMS, 0, -1):
        total = 1.0 + r * total / n
    return math.ldexp(total, k)


def log(x: float) -> float:
    """ln x for x > 0: mantissa in [√½, √2), then 2·artanh((m − 1)/(m + 1)) as a series."""
    if not 0 < x < math.inf:
        raise ValueError(f"log of {x}")
    mantissa, k = math.frexp(x)
    if mantissa < 0.7071067811865476:
        mantissa, k = mantissa * 2, k - 1
    t = (mantissa - 1) / (mantissa + 1)
    square = t * t
    total = 0.0
    for n in range(25, 0, -2):
        total = total * square + 1.0 / n
    return (k * _LN2_LOW + 2 * t * total) + k * _LN2_HIGH
