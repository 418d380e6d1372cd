import math

import numpy as np
import pytest

from cascades import portable


def test_exp_and_log_agree_with_the_library() -> None:
    for x in np.random.default_rng(0).uniform(-30, 30, 2000).tolist():
        assert portable.exp(x) == pytest.approx(math.exp(x), rel=1e-14)
        assert portable.log(math.exp(x)) == pytest.approx(x, rel=1e-12, abs=1e-14)


def test_edges() -> None:
    assert portable.exp(0.0) == 1.0
    assert portable.log(1.0) == 0.0
    assert portable.exp(-1e9) == 0.0
    with pytest.raises(ValueError, match="log of"):
        portable.log(0.0)
