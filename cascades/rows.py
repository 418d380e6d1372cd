"""Rows of pixels in the processor's vectors: what resizing an image and summing it spend their time on.

Written in LLVM's vector types, as `blocks` is: compilers do not see that sums along a row can be made eight at a time,
nor that two neighbouring pixels can be fetched at once. Each function does as many whole groups of eight as there are;
the callers do the rest one by one. Two pixels are read as one number, so the machine has to be little-endian, as all
are that numba is made for.
"""

# mypy: ignore-errors
# (neither llvmlite nor numba's extension interface has types)

from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from cascades.vectors import (
    BLOCK,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    MASK,
    constant,
    load_vector,
    splat,
    store_vector,
    vector,
)


def _blend_across(typingctx, source, start, offsets, shares, out, groups):
    """Pixels of a resized row: out[x] = (256 − shares[x]) · p[offsets[x]] + shares[x] · p[offsets[x] + 1].

    p: source uint8[·] from `start` on; offsets int32[W], shares uint16[W]; out uint16[W]
    """
    return types.void(source, start, offsets, shares, out, groups), _build_across


def _blend_down(typingctx, above, below, share, out, start, groups):
    """Two rows blended: out[start + x] = ((256 − share) · above[x] + share · below[x] + 2¹⁵) / 2¹⁶.

    above, below uint16[W]; share 0 to 256; out uint8[·]
    """
    return types.void(above, below, share, out, start, groups), _build_down


def _sum_along(typingctx, pixels, start, buffer, above, row, groups):
    """A row of an integral image: buffer[row + 1 + x] = buffer[above + 1 + x] + Σ of the row's pixels up to x.

    pixels uint8[·] or int32[·] from `start` on; buffer int32[·]. Returns the sum of those that were taken, int32.
    """
    return types.int32(pixels, start, buffer, above, row, groups), _build_along


def _sum_along_pairs(typingctx, pixels, start, buffer, above, row, odd, groups):
    """As `sum_along`, where the cells of even and odd columns lie apart: those of odd ones `odd` cells further on."""
    return types.int32(pixels, start, buffer, above, row, odd, groups), _build_along_pairs


def _inverse_norms(typingctx, buffer, cell, corners, run, left, right, area, inverse, fine, nx, groups):
    """Of a row of windows 1 / √(area·Σx² − (Σx)²), zero where OpenCV refuses the window (`integral.inverse_norms`).

    buffer   int32[·]    integral image, in which the corners int64[4] of the first window lie so far after `cell`
    run      int32[·]    sums along the row of the squares in the windows' height; a window's are those up to `right`
                         less those up to `left`
    inverse  float32[·]  from `cell` on; fine uint32[·]: a bit for each window that is looked at, by block
    nx       windows     in the row
    """
    return types.void(buffer, cell, corners, run, left, right, area, inverse, fine, nx, groups), _build_norms


blend_across: Any = intrinsic(_blend_across)
blend_down: Any = intrinsic(_blend_down)
sum_along: Any = intrinsic(_sum_along)
sum_along_pairs: Any = intrinsic(_sum_along_pairs)
inverse_norms_row: Any = intrinsic(_inverse_norms)


def _arguments(context, builder, signature, args):
    """Arrays as pointers to their first elements, whole numbers as int64."""
    found = []
    for kind, value in zip(signature.args, args, strict=True):
        if isinstance(kind, types.Array):
            found.append(make_array(kind)(context, builder, value).data)
        elif isinstance(kind, types.Float):
            found.append(value)
        else:
            found.append(context.cast(builder, value, kind, types.int64))
    return found


@contextmanager
def _groups(builder, count):
    """A loop over groups of eight: the index of a group's first element."""
    with cgutils.for_range(builder, count, intp=I64) as loop:
        yield builder.mul(loop.index, I64(BLOCK))


def _build_across(context, builder, signature, args):
    source, start, offsets, shares, out, groups = _arguments(context, builder, signature, args)
    first = builder.gep(source, [start])
    with _groups(builder, groups) as x:
        pairs = ir.Constant(vector(I16), ir.Undefined)
        for lane in range(BLOCK):
            offset = builder.sext(builder.load(builder.gep(offsets, [builder.add(x, I64(lane))])), I64)
            pair = builder.load(builder.bitcast(builder.gep(first, [offset]), I16.as_pointer()))
            pair.align = 1
            pairs = builder.insert_element(pairs, pair, I32(lane))
        share = load_vector(builder, shares, x, I16)
        left = builder.mul(builder.and_(pairs, constant(I16, 255)), builder.sub(constant(I16, 256), share))
        right = builder.mul(builder.lshr(pairs, constant(I16, 8)), share)
        store_vector(builder, builder.add(left, right), out, x)
    return context.get_dummy_value()


def _build_down(context, builder, signature, args):
    above, below, share, out, start, groups = _arguments(context, builder, signature, args)
    share = builder.trunc(share, I32)
    shares = [splat(builder, value) for value in (builder.sub(I32(256), share), share)]
    with _groups(builder, groups) as x:
        total = constant(I32, 1 << 15)
        for row, part in zip((above, below), shares, strict=True):
            total = builder.add(total, builder.mul(builder.zext(load_vector(builder, row, x, I16), vector(I32)), part))
        pixels = builder.trunc(builder.lshr(total, constant(I32, 16)), vector(I8))
        store_vector(builder, pixels, out, builder.add(start, x))
    return context.get_dummy_value()


def _running(builder, values):
    """Sums of a vector's first one, two, three … elements."""
    zero = constant(I32, 0)
    for shift in (1, 2, 4):
        places = [BLOCK + lane - shift if lane >= shift else 0 for lane in range(BLOCK)]
        mask = ir.Constant(ir.VectorType(I32, BLOCK), places)
        values = builder.add(values, builder.shuffle_vector(zero, values, mask))
    return values


def _last(builder, values):
    """The last element in every lane."""
    mask = ir.Constant(ir.VectorType(I32, BLOCK), [BLOCK - 1] * BLOCK)
    return builder.shuffle_vector(values, values, mask)


def _widened(builder, values):
    """Whole numbers of any width as int32."""
    bits = values.type.element.width
    return values if bits == 32 else (builder.zext if bits < 32 else builder.trunc)(values, vector(I32))


def _build_along(context, builder, signature, args):
    values, start, buffer, above, row, groups = _arguments(context, builder, signature, args)
    element = values.type.pointee
    carry = cgutils.alloca_once_value(builder, constant(I32, 0))
    with _groups(builder, groups) as x:
        sums = _running(builder, _widened(builder, load_vector(builder, values, builder.add(start, x), element)))
        before = builder.load(carry)
        builder.store(builder.add(before, _last(builder, sums)), carry)
        _add_row(builder, builder.add(before, sums), buffer, builder.add(above, x), builder.add(row, x), 1)
    return builder.extract_element(builder.load(carry), I32(0))


def _build_along_pairs(context, builder, signature, args):
    values, start, buffer, above, row, odd, groups = _arguments(context, builder, signature, args)
    bits = values.type.pointee.width
    pair = ir.IntType(2 * bits)
    data = builder.bitcast(builder.gep(values, [start]), pair.as_pointer())
    carry = cgutils.alloca_once_value(builder, constant(I32, 0))
    with _groups(builder, groups) as x:
        pairs = load_vector(builder, data, x, pair)
        first = _widened(builder, builder.and_(pairs, constant(pair, (1 << bits) - 1)))
        second = _widened(builder, builder.lshr(pairs, constant(pair, bits)))
        sums = _running(builder, builder.add(first, second))
        before = builder.load(carry)
        builder.store(builder.add(before, _last(builder, sums)), carry)
        sums = builder.add(before, sums)
        above_x, row_x = builder.add(above, x), builder.add(row, x)
        _add_row(builder, sums, buffer, above_x, row_x, 1)
        # Before an odd column's second value: the pair's sum less that value.
        _add_row(builder, builder.sub(sums, second), buffer, builder.add(above_x, odd), builder.add(row_x, odd), 0)
    return builder.extract_element(builder.load(carry), I32(0))


def _add_row(builder, sums, buffer, above, row, further):
    """Store a group's sums along the row, added to the cells of the row above."""
    upper = load_vector(builder, buffer, builder.add(above, I64(further)), I32)
    store_vector(builder, builder.add(sums, upper), buffer, builder.add(row, I64(further)))


def _build_norms(context, builder, signature, args):
    buffer, cell, corners, run, left, right, area, inverse, fine, nx, groups = _arguments(
        context, builder, signature, args
    )
    places = [builder.load(builder.gep(corners, [I64(i)])) for i in range(4)]
    area = splat(builder, area)
    lanes = ir.Constant(vector(I32), list(range(BLOCK)))
    kind = ir.FunctionType(vector(F64), [vector(F64)])
    root = cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{BLOCK}f64")
    with _groups(builder, groups) as x:
        first = builder.add(cell, x)
        a, b, c, d = (load_vector(builder, buffer, builder.add(first, place), I32) for place in places)
        total = builder.sitofp(builder.add(builder.sub(builder.sub(a, b), c), d), vector(F64))
        ends = (load_vector(builder, run, builder.add(place, x), I32) for place in (right, left))
        squares = builder.uitofp(builder.sub(*ends), vector(F64))
        variance = builder.fsub(builder.fmul(area, squares), builder.fmul(total, total))
        one = constant(F64, 1.0)
        at_least_one = builder.select(builder.fcmp_ordered(">", variance, one), variance, one)
        value = builder.fptrunc(builder.fdiv(one, builder.call(root, [at_least_one])), vector(F32))
        share = builder.fmul(area, builder.fpext(value, vector(F64)))
        looked_at = builder.and_(
            builder.fcmp_ordered(">", variance, constant(F64, 0.0)),
            builder.fcmp_ordered("<", share, constant(F64, 0.1)),
        )
        left_over = splat(builder, builder.trunc(builder.sub(nx, x), I32))
        looked_at = builder.and_(looked_at, builder.icmp_signed("<", lanes, left_over))
        store_vector(builder, builder.select(looked_at, value, constant(F32, 0.0)), inverse, first)
        bits = builder.zext(builder.bitcast(looked_at, MASK), I32)
        builder.store(bits, builder.gep(fine, [builder.udiv(first, I64(BLOCK))]))
    return context.get_dummy_value()
