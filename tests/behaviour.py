"""Chooses how this process runs TensorFlow, before anything else uses it: by COMPAT_GRAD_BEHAVIOUR.

"default"; "eager" (TensorFlow 1 with eager execution enabled); "v1" (TensorFlow 2 with disable_v2_behavior).
"""

import os

from compat_grad._tf import v1
from compat_grad.testing.process import choose_behaviour

__all__ = ["BEHAVIOUR", "v1"]

BEHAVIOUR = os.environ.get("COMPAT_GRAD_BEHAVIOUR", "default")
choose_behaviour(BEHAVIOUR)
