"""What the gate between two commits calls slower."""

import numpy as np
import pytest
from gate import judge


def times(seed, slower=1.0, spread=0.03, rounds=25):
    """Of as many rounds; some meet a busy machine."""
    rng = np.random.default_rng(seed)
    busy = np.where(rng.random(rounds) < 0.1, 2, 1)
    return (slower * busy * rng.normal(1, spread, rounds)).tolist()


@pytest.mark.parametrize("seed", range(200))
def test_the_same_speed_is_never_called_slower(seed):
    assert not judge(times(seed), times(seed + 1000), times(seed + 2000)).slower


@pytest.mark.parametrize("seed", range(50))
def test_a_quarter_more_time_is(seed):
    verdict = judge(times(seed), times(seed + 1000), times(seed + 2000, slower=1.25))
    assert verdict.slower
    assert verdict.change > 1.15


def test_noise_excuses_what_it_may_explain():
    steady, restless = [1.0, 1.01, 0.99] * 5, [1.3, 1.29, 1.31] * 5
    assert judge(steady, steady, restless).slower
    assert not judge(steady, restless, restless).slower
