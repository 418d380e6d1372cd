"""Sixteen neighbouring windows at once: one stage of stumps in the processor's vectors.

Neighbouring windows read neighbouring cells (see `pyramid.Layout`), so each corner of a feature is one vector load for
a whole block. Compilers do not see it: a feature has up to twelve corners, and they give up proving that so many
pointers do not overlap. So this one kernel is written in LLVM's vector types, which any processor runs, with vectors
as wide as it has. Its plain twin is in tests/cascades/test_blocks.py.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from cascades.pyramid import BLOCK

I1, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 16, 32, 64))
F32, F64 = ir.FloatType(), ir.DoubleType()


def _vector(element):
    return ir.VectorType(element, BLOCK)


def _splat(builder, value):
    """A vector with the value in every lane."""
    first = builder.insert_element(ir.Constant(_vector(value.type), ir.Undefined), value, I32(0))
    lanes = ir.Constant(ir.VectorType(I32, BLOCK), [0] * BLOCK)
    return builder.shuffle_vector(first, ir.Constant(_vector(value.type), ir.Undefined), lanes)


def _load(builder, data, index, element):
    """A vector from an array's data, beginning at an element."""
    pointer = builder.bitcast(builder.gep(data, [index]), _vector(element).as_pointer())
    vector = builder.load(pointer)
    vector.align = 4
    return vector


@intrinsic
def stage_mask(typingctx, buffer, cell, inverse, offsets, plane, weights, leaves, first, last, least):
    """Which windows of a block pass a stage of stumps: a bit for each, window 0 lowest.

    buffer   int32[·]     integral images of a level
    cell     int64        the block's first window
    inverse  float32[·]   inverse norms by cell
    offsets  int32[F, 12] cells of the corners of three rectangles; plane uint8[F]; weights float32[F, 3]
    leaves   float32[F, 3]  threshold, left and right leaf
    first, last           the stage's stumps
    least                 stage threshold

    The arithmetic is the detector's: features in float32, the sum of the leaves in float64, in this order.
    """
    signature = types.uint32(buffer, cell, inverse, offsets, plane, weights, leaves, first, last, least)
    return signature, _stage_mask


def _stage_mask(context, builder, signature, args):
    arrays = {}
    for i, name in ((0, "buffer"), (2, "inverse"), (3, "offsets"), (4, "plane"), (5, "weights"), (6, "leaves")):
        arrays[name] = make_array(signature.args[i])(context, builder, args[i]).data
    cell, first, last = (context.cast(builder, args[i], signature.args[i], types.int64) for i in (1, 7, 8))
    least = context.cast(builder, args[9], signature.args[9], types.float64)
    grey_scale = _load(builder, arrays["inverse"], cell, F32)
    ones = ir.Constant(_vector(F32), [1.0] * BLOCK)
    total = cgutils.alloca_once_value(builder, ir.Constant(_vector(F64), [0.0] * BLOCK))
    value = cgutils.alloca_once_value(builder, ir.Constant(_vector(F32), [0.0] * BLOCK))

    def rectangle(row, k):
        """weight · sum of one rectangle of the stump whose arrays' rows begin at `row`."""
        corners = []
        for i in range(4 * k, 4 * k + 4):
            index = builder.add(builder.mul(row, I64(12)), I64(i))
            offset = builder.sext(builder.load(builder.gep(arrays["offsets"], [index])), I64)
            corners.append(_load(builder, arrays["buffer"], builder.add(cell, offset), I32))
        sums = builder.add(builder.sub(builder.sub(corners[0], corners[1]), corners[2]), corners[3])
        return builder.fmul(_splat(builder, weight(row, k)), builder.sitofp(sums, _vector(F32)))

    def weight(row, k):
        return builder.load(builder.gep(arrays["weights"], [builder.add(builder.mul(row, I64(3)), I64(k))]))

    def leaf(row, k):
        return builder.load(builder.gep(arrays["leaves"], [builder.add(builder.mul(row, I64(3)), I64(k))]))

    with cgutils.for_range_slice(builder, first, last, I64(1), intp=I64) as (row, _):
        builder.store(rectangle(row, 0), value)
        for k in (1, 2):
            used = builder.fcmp_ordered("!=", weight(row, k), ir.Constant(F32, 0.0))
            with builder.if_then(used):
                builder.store(builder.fadd(builder.load(value), rectangle(row, k)), value)
        grey = builder.icmp_unsigned("==", builder.load(builder.gep(arrays["plane"], [row])), ir.IntType(8)(0))
        scaled = builder.fmul(builder.load(value), builder.select(grey, grey_scale, ones))
        goes_left = builder.fcmp_ordered("<", scaled, _splat(builder, leaf(row, 0)))
        left, right = (_splat(builder, builder.fpext(leaf(row, k), F64)) for k in (1, 2))
        step = builder.select(goes_left, left, right)
        builder.store(builder.fadd(builder.load(total), step), total)
    passed = builder.fcmp_ordered(">=", builder.load(total), _splat(builder, least))
    return builder.zext(builder.bitcast(passed, ir.IntType(BLOCK)), I32)
