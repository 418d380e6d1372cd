"""Eight neighbouring windows at once: one stage of stumps in the processor's vectors.

Neighbouring windows read neighbouring cells (see `pyramid.Layout`), so each corner of a feature is one vector load for
a whole block. Compilers do not see it: a feature has up to twelve corners, and they give up proving that so many
pointers do not overlap. So this one kernel is written in LLVM's vector types, which any processor runs, with vectors
as wide as it has. Its plain twin is in tests/cascades/test_blocks.py.
"""

# mypy: ignore-errors
# (neither llvmlite nor numba's extension interface has types)

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from cascades.flat import SHARED, THREE
from cascades.pyramid import BLOCK

I8, I32, I64 = (ir.IntType(bits) for bits in (8, 32, 64))
MASK = ir.IntType(BLOCK)
F32, F64 = ir.FloatType(), ir.DoubleType()


def vector(element):
    """As many of an element as a block has windows."""
    return ir.VectorType(element, BLOCK)


def splat(builder, value):
    """A vector with the value in every lane."""
    first = builder.insert_element(ir.Constant(vector(value.type), ir.Undefined), value, I32(0))
    lanes = ir.Constant(ir.VectorType(I32, BLOCK), [0] * BLOCK)
    return builder.shuffle_vector(first, ir.Constant(vector(value.type), ir.Undefined), lanes)


def load_vector(builder, data, index, element):
    """A vector from an array's data, beginning at an element."""
    pointer = builder.bitcast(builder.gep(data, [index]), vector(element).as_pointer())
    loaded = builder.load(pointer)
    loaded.align = 4
    return loaded


def _stage_mask(typingctx, buffer, cell, alive, inverse, nodes, stage, sums):
    """Which of a block's windows pass a stage of stumps: a bit for each, window 0 lowest.

    buffer   int32[·]    integral images of a level
    cell     int64       the block's first window
    alive    uint32      which windows to look at
    inverse  float32[·]  inverse norms by cell
    nodes    `flat.Nodes`
    sums     float64[8]  receives the stage's sum of each window that passes; what it holds for the others means nothing

    The arithmetic is the detector's: features in float32, the sum of the leaves in float64, in this order.
    """
    return types.uint32(buffer, cell, alive, inverse, nodes, stage, sums), _build


stage_mask: Any = intrinsic(_stage_mask)


def _build(context, builder, signature, args):
    """Write the kernel in LLVM's terms."""
    buffer = make_array(signature.args[0])(context, builder, args[0]).data
    inverse = make_array(signature.args[3])(context, builder, args[3]).data
    cell, stage = (context.cast(builder, args[i], signature.args[i], types.int64) for i in (1, 5))
    alive = builder.trunc(args[2], MASK)
    nodes = {
        name: make_array(array)(context, builder, builder.extract_value(args[4], i)).data
        for i, (name, array) in enumerate(zip(signature.args[4].fields, signature.args[4].types, strict=True))
    }

    def item(name, index):
        return builder.load(builder.gep(nodes[name], [index]))

    first, last = (builder.sext(item("stages", builder.add(stage, I64(i))), I64) for i in (0, 1))
    gray_scale = load_vector(builder, inverse, cell, F32)
    ones = ir.Constant(vector(F32), [1.0] * BLOCK)
    total = cgutils.alloca_once_value(builder, ir.Constant(vector(F64), [0.0] * BLOCK))
    value = cgutils.alloca_once_value(builder, ir.Constant(vector(F32), [0.0] * BLOCK))
    left_over = cgutils.alloca_once_value(builder, alive)
    with cgutils.for_range(builder, builder.sub(last, first), intp=I64) as loop:
        row = builder.add(first, loop.index)

        def cells(i, row=row):
            """The i-th corner of the stump, for all windows."""
            offset = builder.sext(item("offsets", builder.add(builder.mul(row, I64(12)), I64(i))), I64)
            return load_vector(builder, buffer, builder.add(cell, offset), I32)

        def triple(name, k, row=row):
            """Column k of an array with three."""
            return item(name, builder.add(builder.mul(row, I64(3)), I64(k)))

        def add(k, sums):
            """Add a rectangle's sums to the features, times its weight."""
            part = builder.fmul(splat(builder, triple("weights", k)), builder.sitofp(sums, vector(F32)))
            builder.store(part if k == 0 else builder.fadd(builder.load(value), part), value)

        def edge(i):
            return builder.sub(cells(i), cells(i + 1))

        common = edge(0)
        add(0, builder.add(common, edge(2)))
        shape = item("shape", row)
        with builder.if_else(builder.icmp_unsigned("==", shape, I8(SHARED))) as (shared, apart):
            with shared:
                add(1, builder.add(common, edge(4)))
            with apart:
                add(1, builder.add(edge(4), edge(6)))
                with builder.if_then(builder.icmp_unsigned("==", shape, I8(THREE))):
                    add(2, builder.add(edge(8), edge(10)))
        gray = builder.icmp_unsigned("==", item("plane", row), I8(0))
        scaled = builder.fmul(builder.load(value), builder.select(gray, gray_scale, ones))
        goes_left = builder.fcmp_ordered("<", scaled, splat(builder, triple("stump", 0)))
        left, right = (splat(builder, builder.fpext(triple("stump", k), F64)) for k in (1, 2))
        sums = builder.fadd(builder.load(total), builder.select(goes_left, left, right))
        builder.store(sums, total)
        # Now and then, and at the end: who can still pass?
        at_end = builder.icmp_unsigned("==", builder.add(row, I64(1)), last)
        at_fourth = builder.icmp_unsigned("==", builder.and_(loop.index, I64(3)), I64(3))
        with builder.if_then(builder.or_(at_end, at_fourth)):
            can_pass = builder.fcmp_ordered(">=", sums, splat(builder, item("limit", row)))
            still = builder.and_(alive, builder.bitcast(can_pass, MASK))
            builder.store(still, left_over)
            with builder.if_then(builder.icmp_unsigned("==", still, MASK(0))):
                loop.do_break()
    received = make_array(signature.args[6])(context, builder, args[6]).data
    builder.store(builder.load(total), builder.bitcast(received, vector(F64).as_pointer())).align = 8
    return builder.zext(builder.load(left_over), I32)
