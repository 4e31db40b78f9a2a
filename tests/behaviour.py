"""Chooses how this process runs TensorFlow, before anything else uses it: by COMPAT_GRAD_BEHAVIOUR.

"default"; "eager" (TensorFlow 1 with eager execution enabled); "v1" (TensorFlow 2 with disable_v2_behavior).
"""

import importlib
import os

import tensorflow as tf

v1 = getattr(getattr(tf, "compat", None), "v1", tf)
BEHAVIOUR = os.environ.get("COMPAT_GRAD_BEHAVIOUR", "default")

if BEHAVIOUR == "v1":
    v1.disable_v2_behavior()
elif BEHAVIOUR == "eager" and hasattr(v1, "enable_eager_execution"):
    v1.enable_eager_execution()
elif BEHAVIOUR == "eager":  # 1.5 and 1.6
    importlib.import_module("tensorflow.contrib.eager").enable_eager_execution()
