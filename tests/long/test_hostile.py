"""10,000 broken configs for each Keras: errors of ours or right layers, and nothing run, read or imported."""

import random

import pytest

from tests.keras.models import KERASES
from tests.keras.test_hostile import check_mutations
from tests.long.how_much import scaled
from tests.saving.test_hostile import check_texts


@pytest.mark.parametrize("name", sorted(KERASES))
def test_ten_thousand_broken_configs(name):
    seed, count = random.randrange(10**9), scaled(10000)
    layers, errors = check_mutations(KERASES[name], count, seed)
    print("\nseed {}: {} layers, {} errors".format(seed, len(layers), len(errors)))
    assert len(layers) + len(errors) == count and layers and errors


def test_ten_thousand_broken_texts_on_ops():
    seed, count = random.randrange(10**9), scaled(10000)
    assert check_texts(count, seed) == count
