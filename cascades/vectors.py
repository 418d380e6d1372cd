"""What the kernels that are written in LLVM's vector types are made of (`blocks`, `lbp_blocks`, `rows`)."""

# mypy: ignore-errors
# (llvmlite has no types)

from llvmlite import ir

BLOCK = 8  # elements of a vector, and windows that the scan takes at once: with more, fewer blocks fall out early
I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
MASK = ir.IntType(BLOCK)
F32, F64 = ir.FloatType(), ir.DoubleType()


def vector(element):
    """As many of an element as a block has windows."""
    return ir.VectorType(element, BLOCK)


def constant(element, value):
    """A vector with the value in every lane, known beforehand."""
    return ir.Constant(vector(element), [value] * BLOCK)


def splat(builder, value):
    """A vector with the value in every lane."""
    first = builder.insert_element(ir.Constant(vector(value.type), ir.Undefined), value, I32(0))
    lanes = ir.Constant(ir.VectorType(I32, BLOCK), [0] * BLOCK)
    return builder.shuffle_vector(first, ir.Constant(vector(value.type), ir.Undefined), lanes)


def load_vector(builder, data, index, element):
    """A vector from an array's data, beginning at an element, wherever it lies."""
    pointer = builder.bitcast(builder.gep(data, [index]), vector(element).as_pointer())
    loaded = builder.load(pointer)
    loaded.align = 1
    return loaded


def store_vector(builder, value, data, index):
    """Store a vector into an array's data, beginning at an element, wherever it lies."""
    pointer = builder.bitcast(builder.gep(data, [index]), value.type.as_pointer())
    builder.store(value, pointer).align = 1
