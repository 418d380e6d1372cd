"""Eight neighbouring windows at once: one stage of LBP stumps or trees in the processor's vectors.

As `blocks` does for Haar features. A code's three upper bits choose one of the node's eight words, its five lower ones
a bit of it; so the eight words are narrowed down by three rounds of choosing between two, and shifted. The plain twins
are in tests/cascades/plain_lbp.py.
"""

# mypy: ignore-errors
# (neither llvmlite nor numba's extension interface has types)

from numba.core import cgutils

from cascades.blocks import Trees
from cascades.vectors import BLOCK, F64, I32, I64, MASK, constant, load_vector, splat, store_vector


def _stumps(builder, item):
    """What a stump adds to the sum of each window, by stump and by where its windows go."""

    def answers(row, goes_left):
        places = (builder.add(builder.mul(row, I64(3)), I64(k)) for k in (1, 2))
        left, right = (splat(builder, builder.fpext(item("stump", place), F64)) for place in places)
        return builder.select(goes_left(row), left, right)

    return answers


def _trees(builder, item):
    return Trees(builder, item).answers


def build_lbp_stumps(builder, arguments):
    """Write the kernel of stumps in LLVM's terms, for one block. arguments: see `stages.stage_masks`."""
    _build(_stumps, builder, arguments)


def build_lbp_trees(builder, arguments):
    """Write the kernel of trees in LLVM's terms, for one block."""
    _build(_trees, builder, arguments)


def _build(kind, builder, arguments):
    nodes, buffer = arguments.nodes, arguments.buffer
    block, mask = (builder.gep(array, [arguments.at]) for array in (arguments.blocks, arguments.masks))
    cell = builder.mul(builder.load(block), I64(BLOCK))
    alive = builder.trunc(builder.load(mask), MASK)

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
    first, last = (item("stages", builder.add(arguments.stage, I64(i)), I64) for i in (0, 1))
    total = cgutils.alloca_once_value(builder, constant(F64, 0.0))
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
    store_vector(builder, builder.load(total), arguments.sums, builder.mul(arguments.at, I64(BLOCK)))
    builder.store(builder.zext(builder.load(left_over), I32), mask)


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
