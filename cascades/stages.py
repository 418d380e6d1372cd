"""One stage of a cascade of any kind for some blocks of windows: the kernel is chosen by the type of the nodes.

numba compiles a function anew for every type that it is called with, so the scan is written once for all kinds.
"""

# mypy: ignore-errors
# (neither llvmlite nor numba's extension interface has types)

from types import SimpleNamespace
from typing import Any

from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from cascades.blocks import build_stumps, build_trees
from cascades.flat import StumpNodes, TreeNodes
from cascades.flat_lbp import LbpStumpNodes, LbpTreeNodes
from cascades.lbp_blocks import build_lbp_stumps, build_lbp_trees

TOGETHER = 3  # blocks that are looked at side by side; with 2 or 4 it is a few percent slower


KERNELS = {
    StumpNodes: build_stumps,
    TreeNodes: build_trees,
    LbpStumpNodes: build_lbp_stumps,
    LbpTreeNodes: build_lbp_trees,
}


def _stage_masks(typingctx, buffer, blocks, masks, at, inverse, nodes, stage, sums):
    """Which windows of `TOGETHER` blocks pass a stage.

    buffer   int32[·]    integral images of a level
    blocks   int64[·]    the blocks are those from `at` on
    masks    uint32[·]   which of their windows to look at, a bit for each, window 0 lowest; afterwards which passed
    inverse  float32[·]  inverse norms by cell; LBP cascades do not read it
    nodes    `flat.StumpNodes`, `flat.TreeNodes`, `flat_lbp.LbpStumpNodes` or `flat_lbp.LbpTreeNodes`
    sums     float64[·]  receives the stage's sums, `BLOCK` for every place in `blocks`; those of windows that do not
                         pass mean nothing

    The arithmetic is OpenCV's: features in float32, the sum of the leaves in float64, in this order.
    """
    build = KERNELS[nodes.instance_class]

    def codegen(context, builder, signature, args):
        arrays = ("buffer", "blocks", "masks", "inverse", "sums")
        names = ("buffer", "blocks", "masks", "at", "inverse", "nodes", "stage", "sums")
        given = dict(zip(names, zip(signature.args, args, strict=True), strict=True))
        found = {name: make_array(given[name][0])(context, builder, given[name][1]).data for name in arrays}
        found |= {name: context.cast(builder, given[name][1], given[name][0], types.int64) for name in ("at", "stage")}
        kind, value = given["nodes"]
        fields = {
            name: make_array(array)(context, builder, builder.extract_value(value, i)).data
            for i, (name, array) in enumerate(zip(kind.fields, kind.types, strict=True))
        }
        build(builder, SimpleNamespace(**found, nodes=fields), TOGETHER)
        return context.get_dummy_value()

    return types.void(buffer, blocks, masks, at, inverse, nodes, stage, sums), codegen


stage_masks: Any = intrinsic(_stage_masks)
