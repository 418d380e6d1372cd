"""Eight neighbouring windows at once: one stage of a cascade in the processor's vectors.

`stage_mask` is for stumps, `tree_mask` for trees of any shape. Neighbouring windows read neighbouring cells (see
`pyramid.Layout`), so each corner of a feature is one vector load for a whole block. Compilers do not see it: a feature
has up to twelve corners, and they give up proving that so many pointers do not overlap. So these kernels are written in
LLVM's vector types, which any processor runs, with vectors as wide as it has. Their plain twins are in
tests/cascades/test_blocks.py.
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
from cascades.opencv_xml import MAX_NODES
from cascades.vectors import BLOCK, F32, F64, I8, I32, I64, MASK, load_vector, splat, vector


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


def _tree_mask(typingctx, buffer, cell, alive, inverse, nodes, stage, sums):
    """As `stage_mask`, for a stage of trees: every node of a tree is looked at, from its leaves up to its root."""
    return types.uint32(buffer, cell, alive, inverse, nodes, stage, sums), _build_trees


stage_mask: Any = intrinsic(_stage_mask)
tree_mask: Any = intrinsic(_tree_mask)


class _Kernel:
    """What both kernels begin and end with: their arguments, a feature's value, who can still pass."""

    def __init__(self, context, builder, signature, args):
        self.builder = builder
        self.buffer = make_array(signature.args[0])(context, builder, args[0]).data
        inverse = make_array(signature.args[3])(context, builder, args[3]).data
        self.cell, stage = (context.cast(builder, args[i], signature.args[i], types.int64) for i in (1, 5))
        self.alive = builder.trunc(args[2], MASK)
        self.nodes = {
            name: make_array(array)(context, builder, builder.extract_value(args[4], i)).data
            for i, (name, array) in enumerate(zip(signature.args[4].fields, signature.args[4].types, strict=True))
        }
        self.received = make_array(signature.args[6])(context, builder, args[6]).data
        self.first, self.last = (self.item("stages", builder.add(stage, I64(i)), I64) for i in (0, 1))
        self.gray_scale = load_vector(builder, inverse, self.cell, F32)
        self.total = cgutils.alloca_once_value(builder, ir.Constant(vector(F64), [0.0] * BLOCK))
        self.value = cgutils.alloca_once_value(builder, ir.Constant(vector(F32), [0.0] * BLOCK))
        self.left_over = cgutils.alloca_once_value(builder, self.alive)

    def item(self, name, index, wide=None):
        """An element of an array of the nodes; a whole number is widened where asked for."""
        found = self.builder.load(self.builder.gep(self.nodes[name], [index]))
        return found if wide is None else self.builder.sext(found, wide)

    def cell_of(self, row, column, columns):
        """The index of a place in a table with that many columns."""
        return self.builder.add(self.builder.mul(row, I64(columns)), I64(column))

    def feature(self, row):
        """A node's feature for all windows, normalized."""
        builder = self.builder

        def cells(i):
            """The i-th corner, for all windows."""
            offset = self.item("offsets", self.cell_of(row, i, 12), I64)
            return load_vector(builder, self.buffer, builder.add(self.cell, offset), I32)

        def add(k, sums):
            """Add a rectangle's sums to the features, times its weight."""
            weight = splat(builder, self.item("weights", self.cell_of(row, k, 3)))
            part = builder.fmul(weight, builder.sitofp(sums, vector(F32)))
            builder.store(part if k == 0 else builder.fadd(builder.load(self.value), part), self.value)

        def edge(i):
            return builder.sub(cells(i), cells(i + 1))

        common = edge(0)
        add(0, builder.add(common, edge(2)))
        shape = self.item("shape", row)
        with builder.if_else(builder.icmp_unsigned("==", shape, I8(SHARED))) as (shared, apart):
            with shared:
                add(1, builder.add(common, edge(4)))
            with apart:
                add(1, builder.add(edge(4), edge(6)))
                with builder.if_then(builder.icmp_unsigned("==", shape, I8(THREE))):
                    add(2, builder.add(edge(8), edge(10)))
        gray = builder.icmp_unsigned("==", self.item("plane", row), I8(0))
        ones = ir.Constant(vector(F32), [1.0] * BLOCK)
        return builder.fmul(builder.load(self.value), builder.select(gray, self.gray_scale, ones))

    def add(self, loop, tree, answers):
        """Add a tree's leaves to the sums. Now and then, and after the last tree: who can still pass?"""
        builder = self.builder
        sums = builder.fadd(builder.load(self.total), answers)
        builder.store(sums, self.total)
        at_end = builder.icmp_unsigned("==", builder.add(tree, I64(1)), self.last)
        at_fourth = builder.icmp_unsigned("==", builder.and_(loop.index, I64(3)), I64(3))
        with builder.if_then(builder.or_(at_end, at_fourth)):
            can_pass = builder.fcmp_ordered(">=", sums, splat(builder, self.item("limit", tree)))
            still = builder.and_(self.alive, builder.bitcast(can_pass, MASK))
            builder.store(still, self.left_over)
            with builder.if_then(builder.icmp_unsigned("==", still, MASK(0))):
                loop.do_break()

    def end(self):
        """Hand over the sums; which windows pass."""
        pointer = self.builder.bitcast(self.received, vector(F64).as_pointer())
        self.builder.store(self.builder.load(self.total), pointer).align = 8
        return self.builder.zext(self.builder.load(self.left_over), I32)


def _build(context, builder, signature, args):
    """Write the kernel of stumps in LLVM's terms."""
    kernel = _Kernel(context, builder, signature, args)
    with cgutils.for_range(builder, builder.sub(kernel.last, kernel.first), intp=I64) as loop:
        row = builder.add(kernel.first, loop.index)
        threshold, left, right = (kernel.item("stump", kernel.cell_of(row, k, 3)) for k in range(3))
        goes_left = builder.fcmp_ordered("<", kernel.feature(row), splat(builder, threshold))
        left, right = (splat(builder, builder.fpext(leaf, F64)) for leaf in (left, right))
        kernel.add(loop, row, builder.select(goes_left, left, right))
    return kernel.end()


def _build_trees(context, builder, signature, args):
    """Write the kernel of trees in LLVM's terms."""
    kernel = _Kernel(context, builder, signature, args)
    trees = Trees(builder, kernel.item)

    def goes_left(row):
        return builder.fcmp_ordered("<", kernel.feature(row), splat(builder, kernel.item("threshold", row)))

    with cgutils.for_range(builder, builder.sub(kernel.last, kernel.first), intp=I64) as loop:
        tree = builder.add(kernel.first, loop.index)
        kernel.add(loop, tree, trees.answers(tree, goes_left))
    return kernel.end()


class Trees:
    """Trees of any shape: every node is looked at, from the leaves up to the root.

    item  reads an element of one of the nodes' arrays `trees`, `links` and `leaves`: name, index, wider type if wanted
    """

    def __init__(self, builder, item):
        self.builder, self.item = builder, item
        self.of_nodes = cgutils.alloca_once(builder, vector(F64), size=I64(MAX_NODES))  # answers of a tree's nodes
        self.answer = cgutils.alloca_once(builder, vector(F64))

    def answers(self, tree, goes_left):
        """What a tree adds to the sum of each window: a vector of float64. goes_left(row): a vector of i1."""
        builder = self.builder
        node, leaf, end = (self.item("trees", builder.add(builder.mul(tree, I64(2)), I64(k)), I64) for k in range(3))
        count = builder.sub(end, node)
        # Links lead forward, so a node's answer is known before the node that leads to it is reached.
        with cgutils.for_range(builder, count, intp=I64) as inner:
            place = builder.sub(builder.sub(count, I64(1)), inner.index)
            row = builder.add(node, place)
            left, right = (self._side(row, leaf, k) for k in range(2))
            builder.store(builder.select(goes_left(row), left, right), builder.gep(self.of_nodes, [place]))
        return builder.load(builder.gep(self.of_nodes, [I64(0)]))

    def _side(self, row, leaf, k):
        """The answer that a link leads to: another node's or a leaf."""
        builder = self.builder
        link = self.item("links", builder.add(builder.mul(row, I64(2)), I64(k)), I64)
        with builder.if_else(builder.icmp_signed(">", link, I64(0))) as (to_node, to_leaf):
            with to_node:
                builder.store(builder.load(builder.gep(self.of_nodes, [link])), self.answer)
            with to_leaf:
                value = self.item("leaves", builder.sub(leaf, link))
                builder.store(splat(builder, builder.fpext(value, F64)), self.answer)
        return builder.load(self.answer)
