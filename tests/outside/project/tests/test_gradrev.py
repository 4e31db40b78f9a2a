import numpy as np
from gradrev import reverse

from compat_grad import testing


def test_reversal(gradient_mode):
    x = np.array([1.0, 2.0, 3.0], np.float32)
    value, (gradient,) = testing.value_and_gradients(reverse, [x], mode=gradient_mode)
    np.testing.assert_array_equal(value, x)
    np.testing.assert_array_equal(gradient, [-2.0, -2.0, -2.0])
