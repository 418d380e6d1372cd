"""Eight neighbouring windows at once: one stage of a Haar cascade in the processor's vectors.

`build_stumps` is for stumps, `build_trees` for trees of any shape; `stages` chooses. Neighbouring windows read
neighbouring cells (see `pyramid.Layout`), so each corner of a feature is one vector load for a whole block. Compilers
do not see it: a feature has up to twelve corners, and they give up proving that so many pointers do not overlap. So
these kernels are written in LLVM's vector types, which any processor runs, with vectors as wide as it has. Their plain
twins are in tests/cascades/test_blocks.py.
"""

# mypy: ignore-errors
# (neither llvmlite nor numba's extension interface has types)

from functools import partial

from numba.core import cgutils

from cascades.flat import ROW, SHARED, THREE
from cascades.opencv_xml import MAX_NODES
from cascades.vectors import (
    BLOCK,
    F32,
    F64,
    I32,
    I64,
    MASK,
    constant,
    load_vector,
    splat,
    store_vector,
    vector,
)


class Kernel:
    """What every kernel begins and ends with, those of LBP cascades too: its arguments, and who can still pass.

    Several blocks go through a stage side by side, so that what is read of a node serves them all.
    """

    def __init__(self, builder, arguments, count):
        """arguments: see `stages.stage_masks`; count: of blocks."""
        self.builder, self.arguments, self.count = builder, arguments, count
        self.nodes = arguments.nodes
        places = [builder.add(arguments.at, I64(k)) for k in range(count)]
        self.places = places
        self.cells = [builder.mul(builder.load(builder.gep(arguments.blocks, [place])), I64(BLOCK)) for place in places]
        self.alive = [builder.trunc(builder.load(builder.gep(arguments.masks, [place])), MASK) for place in places]
        self.first, self.last = (self.item("stages", builder.add(arguments.stage, I64(i)), I64) for i in (0, 1))
        self.totals = [cgutils.alloca_once_value(builder, constant(F64, 0.0)) for _ in places]
        self.left_over = [cgutils.alloca_once_value(builder, alive) for alive in self.alive]

    def item(self, name, index, wide=None):
        """An element of an array of the nodes; a whole number is widened where asked for."""
        found = self.builder.load(self.builder.gep(self.nodes[name], [index]))
        return found if wide is None else self.builder.sext(found, wide)

    def add(self, loop, tree, answers, limit):
        """Add a tree's leaves to the sums. Now and then, and after the last tree: who can still pass?"""
        builder = self.builder
        for total, answer in zip(self.totals, answers, strict=True):
            builder.store(builder.fadd(builder.load(total), answer), total)
        at_end = builder.icmp_unsigned("==", builder.add(tree, I64(1)), self.last)
        at_fourth = builder.icmp_unsigned("==", builder.and_(loop.index, I64(3)), I64(3))
        with builder.if_then(builder.or_(at_end, at_fourth)):
            least, anyone = splat(builder, limit()), MASK(0)
            for total, alive, left_over in zip(self.totals, self.alive, self.left_over, strict=True):
                can_pass = builder.fcmp_ordered(">=", builder.load(total), least)
                still = builder.and_(alive, builder.bitcast(can_pass, MASK))
                builder.store(still, left_over)
                anyone = builder.or_(anyone, still)
            with builder.if_then(builder.icmp_unsigned("==", anyone, MASK(0))):
                loop.do_break()

    def end(self):
        """Hand over the sums, and which windows pass."""
        builder = self.builder
        for place, total, left_over in zip(self.places, self.totals, self.left_over, strict=True):
            store_vector(builder, builder.load(total), self.arguments.sums, builder.mul(place, I64(BLOCK)))
            mask = builder.zext(builder.load(left_over), I32)
            builder.store(mask, builder.gep(self.arguments.masks, [place]))


class _Haar(Kernel):
    """A kernel of Haar features."""

    def __init__(self, builder, arguments, count):
        super().__init__(builder, arguments, count)
        self.gray_scales = [load_vector(builder, arguments.inverse, cell, F32) for cell in self.cells]
        self.values = [cgutils.alloca_once_value(builder, constant(F32, 0.0)) for _ in self.cells]

    def field(self, row, name, kind, k=0):
        """A field of a node's `flat.ROW`."""
        builder = self.builder
        place = ROW.fields[name][1] // 4
        cell = builder.add(builder.mul(row, I64(ROW.itemsize // 4)), I64(place + k))
        return builder.load(builder.bitcast(builder.gep(self.nodes["rows"], [cell]), kind.as_pointer()))

    def features(self, row):
        """A node's feature for all windows of each block, normalized."""
        builder = self.builder
        corner = builder.mul(row, I64(12))

        def edges(i):
            """The difference of two corners, for all windows."""
            offsets = [self.item("offsets", builder.add(corner, I64(i + k)), I64) for k in (0, 1)]
            for cell in self.cells:
                a, b = (
                    load_vector(builder, self.arguments.buffer, builder.add(cell, offset), I32) for offset in offsets
                )
                yield builder.sub(a, b)

        def add(k, one, other):
            """Add a rectangle's sums to the features, times its weight."""
            weight = splat(builder, self.field(row, "weights", F32, k))
            for value, a, b in zip(self.values, one, other, strict=True):
                part = builder.fmul(weight, builder.sitofp(builder.add(a, b), vector(F32)))
                builder.store(part if k == 0 else builder.fadd(builder.load(value), part), value)

        common = list(edges(0))
        add(0, common, edges(2))
        shape = self.field(row, "shape", I32)
        with builder.if_else(builder.icmp_unsigned("==", shape, I32(SHARED))) as (shared, apart):
            with shared:
                add(1, common, edges(4))
            with apart:
                add(1, edges(4), edges(6))
                with builder.if_then(builder.icmp_unsigned("==", shape, I32(THREE))):
                    add(2, edges(8), edges(10))
        with builder.if_then(builder.icmp_unsigned("==", self.field(row, "plane", I32), I32(0))):
            for value, scale in zip(self.values, self.gray_scales, strict=True):
                builder.store(builder.fmul(builder.load(value), scale), value)
        return [builder.load(value) for value in self.values]


def build_stumps(builder, arguments, count):
    """Write the kernel of stumps in LLVM's terms."""
    kernel = _Haar(builder, arguments, count)
    with cgutils.for_range(builder, builder.sub(kernel.last, kernel.first), intp=I64) as loop:
        row = builder.add(kernel.first, loop.index)
        values = kernel.features(row)
        threshold = splat(builder, kernel.field(row, "threshold", F32))
        left, right = (splat(builder, kernel.field(row, side, F64)) for side in ("left", "right"))
        answers = [builder.select(builder.fcmp_ordered("<", value, threshold), left, right) for value in values]
        kernel.add(loop, row, answers, partial(kernel.field, row, "limit", F64))
    kernel.end()


def build_trees(builder, arguments, count):
    """Write the kernel of trees in LLVM's terms."""
    kernel = _Haar(builder, arguments, count)

    def goes_left(row):
        threshold = splat(builder, kernel.field(row, "threshold", F32))
        return [builder.fcmp_ordered("<", value, threshold) for value in kernel.features(row)]

    each_tree(kernel, goes_left)
    kernel.end()


def each_tree(kernel, goes_left):
    """Add a stage's trees, whatever their features: goes_left(row) gives a vector of i1 for each block."""
    builder, trees = kernel.builder, Trees(kernel)
    with cgutils.for_range(builder, builder.sub(kernel.last, kernel.first), intp=I64) as loop:
        tree = builder.add(kernel.first, loop.index)
        kernel.add(loop, tree, trees.answers(tree, goes_left), partial(kernel.item, "limit", tree))


class Trees:
    """Trees of any shape: every node is looked at, from the leaves up to the root."""

    def __init__(self, kernel):
        self.builder, self.item, self.count = kernel.builder, kernel.item, kernel.count
        size = I64(MAX_NODES * self.count)
        self.of_nodes = cgutils.alloca_once(self.builder, vector(F64), size=size)  # answers of a tree's nodes
        self.sides, self.roots = (
            [cgutils.alloca_once(self.builder, vector(F64)) for _ in range(self.count)] for _ in range(2)
        )

    def answers(self, tree, goes_left):
        """What a tree adds to the sum of each window: a vector of float64 for each block."""
        builder = self.builder
        node, leaf, end = (self.item("trees", builder.add(builder.mul(tree, I64(2)), I64(k)), I64) for k in range(3))
        count = builder.sub(end, node)
        # Links lead forward, so a node's answer is known before the node that leads to it is reached.
        with cgutils.for_range(builder, count, intp=I64) as inner:
            place = builder.sub(builder.sub(count, I64(1)), inner.index)
            row = builder.add(node, place)
            left, right = (self._side(row, leaf, k) for k in range(2))
            for k, goes in enumerate(goes_left(row)):
                answer = builder.select(goes, left[k], right[k])
                builder.store(answer, self._place(place, k))
                builder.store(answer, self.roots[k])  # the root comes last
        return [builder.load(root) for root in self.roots]

    def _place(self, node, block):
        """Where a node's answer for a block is kept."""
        builder = self.builder
        return builder.gep(self.of_nodes, [builder.add(builder.mul(node, I64(self.count)), I64(block))])

    def _side(self, row, leaf, k):
        """The answers that a link leads to, a vector for each block: another node's or a leaf."""
        builder = self.builder
        link = self.item("links", builder.add(builder.mul(row, I64(2)), I64(k)), I64)
        with builder.if_else(builder.icmp_signed(">", link, I64(0))) as (to_node, to_leaf):
            with to_node:
                for block, side in enumerate(self.sides):
                    builder.store(builder.load(self._place(link, block)), side)
            with to_leaf:
                value = splat(builder, builder.fpext(self.item("leaves", builder.sub(leaf, link)), F64))
                for side in self.sides:
                    builder.store(value, side)
        return [builder.load(side) for side in self.sides]
