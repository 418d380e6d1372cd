"""Eight neighbouring windows at once: one stage of LBP stumps or trees in the processor's vectors.

As `blocks` does for Haar features. A code's three upper bits choose one of the node's eight words, its five lower ones
a bit of it; so the eight words are narrowed down by three rounds of choosing between two, and shifted. The plain twins
are in tests/cascades/plain_lbp.py.
"""

# mypy: ignore-errors
# (neither llvmlite nor numba's extension interface has types)

from functools import partial

from numba.core import cgutils

from cascades.blocks import Kernel, each_tree
from cascades.vectors import F64, I32, I64, constant, load_vector, splat


class _Lbp(Kernel):
    """A kernel of LBP features."""

    def goes_left(self, row):
        """Which windows' codes are in a node's subset: a vector of i1 for each block."""
        builder = self.builder
        offsets = [self.item("offsets", builder.add(builder.mul(row, I64(16)), I64(i)), I64) for i in range(16)]
        words = [splat(builder, self.item("subset", builder.add(builder.mul(row, I64(8)), I64(i)))) for i in range(8)]
        found = []
        for cell in self.cells:
            places = (builder.add(cell, offset) for offset in offsets)
            corners = [load_vector(builder, self.arguments.buffer, place, I32) for place in places]
            found.append(_in_subset(builder, _comparisons(builder, corners), words))
        return found


def build_lbp_stumps(builder, arguments, count):
    """Write the kernel of stumps in LLVM's terms. arguments, count: see `blocks.Kernel`."""
    kernel = _Lbp(builder, arguments, count)
    with cgutils.for_range(builder, builder.sub(kernel.last, kernel.first), intp=I64) as loop:
        row = builder.add(kernel.first, loop.index)
        places = (builder.add(builder.mul(row, I64(3)), I64(k)) for k in (1, 2))
        left, right = (splat(builder, builder.fpext(kernel.item("stump", place), F64)) for place in places)
        answers = [builder.select(goes, left, right) for goes in kernel.goes_left(row)]
        kernel.add(loop, row, answers, partial(kernel.item, "limit", row))
    kernel.end()


def build_lbp_trees(builder, arguments, count):
    """Write the kernel of trees in LLVM's terms."""
    kernel = _Lbp(builder, arguments, count)
    each_tree(kernel, kernel.goes_left)
    kernel.end()


def _comparisons(builder, corners):
    """Which outer blocks reach the middle one, clockwise from the top left: vectors of i1, bits 7 to 0 of the code."""
    across = [[builder.sub(corners[4 * y + x], corners[4 * y + x + 1]) for x in range(3)] for y in range(4)]

    def block(y, x):
        return builder.sub(across[y][x], across[y + 1][x])

    middle = block(1, 1)
    outer = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    return [builder.icmp_signed(">=", block(y, x), middle) for y, x in outer]


def _in_subset(builder, bits, words):
    """Whether a subset of eight words holds each window's code: a vector of i1. bits from `_comparisons`."""
    for bit in (bits[2], bits[1], bits[0]):  # 32, 64 and 128
        words = [builder.select(bit, words[k + 1], words[k]) for k in range(0, len(words), 2)]
    zero = constant(I32, 0)
    place = zero
    for k, bit in enumerate(bits[3:]):
        place = builder.or_(place, builder.select(bit, constant(I32, 16 >> k), zero))
    found = builder.and_(builder.lshr(words[0], place), constant(I32, 1))
    return builder.icmp_unsigned("!=", found, zero)
