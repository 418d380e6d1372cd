"""The plain twin of the LBP scan: one window after the other, node by node."""

# mypy: allow-untyped-defs

import numpy as np
from numba import njit


@njit
def lbp_code(buffer, cell, o):
    """The eight outer blocks compared with the middle one, clockwise from the top left: 0–255. o int[16] corners."""
    # Sixteen cells and differences of them, no array: this is called for every window and node.
    c = np.uint64(cell)
    a0, a1, a2, a3 = buffer[c + o[0]], buffer[c + o[1]], buffer[c + o[2]], buffer[c + o[3]]
    b0, b1, b2, b3 = buffer[c + o[4]], buffer[c + o[5]], buffer[c + o[6]], buffer[c + o[7]]
    c0, c1, c2, c3 = buffer[c + o[8]], buffer[c + o[9]], buffer[c + o[10]], buffer[c + o[11]]
    d0, d1, d2, d3 = buffer[c + o[12]], buffer[c + o[13]], buffer[c + o[14]], buffer[c + o[15]]
    middle = np.int32(b1 - b2 - c1 + c2)
    code = np.int64(np.int32(a0 - a1 - b0 + b1) >= middle) << 7
    code |= np.int64(np.int32(a1 - a2 - b1 + b2) >= middle) << 6
    code |= np.int64(np.int32(a2 - a3 - b2 + b3) >= middle) << 5
    code |= np.int64(np.int32(b2 - b3 - c2 + c3) >= middle) << 4
    code |= np.int64(np.int32(c2 - c3 - d2 + d3) >= middle) << 3
    code |= np.int64(np.int32(c1 - c2 - d1 + d2) >= middle) << 2
    code |= np.int64(np.int32(c0 - c1 - d0 + d1) >= middle) << 1
    code |= np.int64(np.int32(b0 - b1 - c0 + c1) >= middle)
    return code


@njit
def stage_sum(buffer, cell, nodes, stage):
    """The sum of a stage's trees for one window."""
    total = 0.0
    for t in range(nodes.stages[stage], nodes.stages[stage + 1]):
        node = 0
        while True:
            k = nodes.trees[t, 0] + node
            code = lbp_code(buffer, cell, nodes.offsets[k])
            node = nodes.links[k, 0] if (nodes.subset[k, code >> 5] >> (code & 31)) & 1 else nodes.links[k, 1]
            if node <= 0:
                break
        total += np.float64(nodes.leaves[nodes.trees[t, 1] - node])
    return total


@njit
def plain_scan(buffer, stride, ny, nx, nodes):
    """Scan a level window by window, with a cascade of any trees; the surviving windows' cells and last sums."""
    out_cells = []
    out_total = []
    for y in range(ny):
        x = 0
        while x < nx:
            cell = y * stride + x
            value = stage_sum(buffer, cell, nodes, 0)
            if value < nodes.stage_threshold[0]:
                x += 2  # as OpenCV: the neighbour of a window that the first stage rejects is skipped
                continue
            x += 1
            passed = True
            for stage in range(1, nodes.stage_threshold.size):
                value = stage_sum(buffer, cell, nodes, stage)
                if value < nodes.stage_threshold[stage]:
                    passed = False
                    break
            if passed:
                out_cells.append(cell)
                out_total.append(value)
    return np.array([np.int64(c) for c in out_cells]), np.array([np.float64(v) for v in out_total])
