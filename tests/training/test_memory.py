import time

import numpy as np

from lib.training.memory import peak_memory


def test_what_was_held_at_most_is_seen_even_when_it_is_free_again():
    large, small = {}, {}
    with peak_memory(large):
        held = np.ones(100_000_000, np.uint8)
        time.sleep(0.1)
        del held
    with peak_memory(small):
        time.sleep(0.05)
    assert 90e6 < large["bytes"] < 200e6
    assert small["bytes"] < 50e6
