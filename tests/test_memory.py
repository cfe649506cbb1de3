import numpy as np

from lib.training.memory import PeakMemory


def test_what_was_held_at_most_is_seen_even_when_it_is_free_again():
    import time

    with PeakMemory() as peak:
        held = np.ones(100_000_000, np.uint8)
        time.sleep(0.1)
        del held
    assert 90e6 < peak.bytes < 200e6
    with PeakMemory() as small:
        time.sleep(0.05)
    assert small.bytes < 50e6
