"""The block in which arithmetic repeats leaves everything else as it was."""

import pytest
import torch

from pipeline.compute.arithmetic import reproducible


def test_inside_the_block_numbers_repeat_and_outside_nothing_has_changed():
    before = (torch.are_deterministic_algorithms_enabled(), torch.get_num_threads(), torch.get_rng_state())
    drawn = []
    for _ in range(2):
        with reproducible(seed=7, threads=1):
            assert torch.are_deterministic_algorithms_enabled()
            assert torch.get_num_threads() == 1
            drawn.append(torch.rand(3))
    assert torch.equal(*drawn)
    assert (torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()) == before[:2]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_an_error_inside_the_block_restores_the_settings_too():
    threads = torch.get_num_threads()
    with pytest.raises(KeyError), reproducible(seed=0, threads=threads + 1):
        raise KeyError
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
