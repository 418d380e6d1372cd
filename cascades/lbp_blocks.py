"""Eight neighbouring windows at once: one stage of LBP stumps or trees in the processor's vectors.

As `blocks` does for Haar features. A code's three upper bits choose one of the node's eight words, its five lower ones
a bit of it; so the eight words are narrowed down by three rounds of choosing between two, and shifted. The plain twins
are in tests/cascades/plain_lbp.py.
"""

# mypy: ignore-errors
# (neither llvmlite nor numba's extension interface has types)

from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from cascades.blocks import Trees
from cascades.vectors import BLOCK, F64, I32, I64, MASK, load_vector, splat, vector


def _stage_mask(typingctx, buffer, cell, alive, nodes, stage, sums):
    """Which of a block's windows pass a stage of stumps: a bit for each, window 0 lowest.

    buffer   int32[·]    integral image of a level
    cell     int64       the block's first window
    alive    uint32      which windows to look at
    nodes    `lbp.LbpNodes`
    sums     float64[8]  receives the stage's sum of each window that passes; what it holds for the others means nothing

    The sum of the leaves is float64, in this order, as in OpenCV.
    """
    return types.uint32(buffer, cell, alive, nodes, stage, sums), partial(_build, _stumps)


def _tree_mask(typingctx, buffer, cell, alive, nodes, stage, sums):
    """As `lbp_stage_mask`, for a stage of trees."""
    return types.uint32(buffer, cell, alive, nodes, stage, sums), partial(_build, _trees)


lbp_stage_mask: Any = intrinsic(_stage_mask)
lbp_tree_mask: Any = intrinsic(_tree_mask)


def _stumps(builder, item):
    """What a stump adds to the sum of each window, by stump and by where its windows go."""

    def answers(row, goes_left):
        places = (builder.add(builder.mul(row, I64(3)), I64(k)) for k in (1, 2))
        left, right = (splat(builder, builder.fpext(item("stump", place), F64)) for place in places)
        return builder.select(goes_left(row), left, right)

    return answers


def _trees(builder, item):
    return Trees(builder, item).answers


def _build(kind, context, builder, signature, args):
    """Write the kernel in LLVM's terms. kind: `_stumps` or `_trees`."""
    buffer = make_array(signature.args[0])(context, builder, args[0]).data
    cell, stage = (context.cast(builder, args[i], signature.args[i], types.int64) for i in (1, 4))
    alive = builder.trunc(args[2], MASK)
    nodes = {
        name: make_array(array)(context, builder, builder.extract_value(args[3], i)).data
        for i, (name, array) in enumerate(zip(signature.args[3].fields, signature.args[3].types, strict=True))
    }

    def item(name, index, wide=None):
        found = builder.load(builder.gep(nodes[name], [index]))
        return found if wide is None else builder.sext(found, wide)

    def goes_left(row):
        places = [builder.add(builder.mul(row, I64(16)), I64(i)) for i in range(16)]
        corners = [
            load_vector(builder, buffer, builder.add(cell, item("offsets", place, I64)), I32) for place in places
        ]
        words = [splat(builder, item("subset", builder.add(builder.mul(row, I64(8)), I64(i)))) for i in range(8)]
        return _in_subset(builder, _comparisons(builder, corners), words)

    answers = kind(builder, item)
    first, last = (item("stages", builder.add(stage, I64(i)), I64) for i in (0, 1))
    total = cgutils.alloca_once_value(builder, ir.Constant(vector(F64), [0.0] * BLOCK))
    left_over = cgutils.alloca_once_value(builder, alive)
    with cgutils.for_range(builder, builder.sub(last, first), intp=I64) as loop:
        tree = builder.add(first, loop.index)
        sums = builder.fadd(builder.load(total), answers(tree, goes_left))
        builder.store(sums, total)
        can_pass = builder.fcmp_ordered(">=", sums, splat(builder, item("limit", tree)))
        still = builder.and_(alive, builder.bitcast(can_pass, MASK))
        builder.store(still, left_over)
        with builder.if_then(builder.icmp_unsigned("==", still, MASK(0))):
            loop.do_break()
    received = make_array(signature.args[5])(context, builder, args[5]).data
    builder.store(builder.load(total), builder.bitcast(received, vector(F64).as_pointer())).align = 8
    return builder.zext(builder.load(left_over), I32)


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
    zero = ir.Constant(vector(I32), [0] * BLOCK)
    place = zero
    for k, bit in enumerate(bits[3:]):
        place = builder.or_(place, builder.select(bit, ir.Constant(vector(I32), [16 >> k] * BLOCK), zero))
    found = builder.and_(builder.lshr(words[0], place), ir.Constant(vector(I32), [1] * BLOCK))
    return builder.icmp_unsigned("!=", found, zero)
