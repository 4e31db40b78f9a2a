"""How many examples: a few of a fixed seed, always the same; with COMPAT_GRAD_FUZZ=20000 so many, of a random seed."""

import logging
import os

import hypothesis

FUZZ = int(os.environ.get("COMPAT_GRAD_FUZZ", "0"))
FEW = 15

hypothesis.settings.register_profile(
    "few",
    max_examples=FEW,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[hypothesis.Phase.generate],  # what fails is made smaller by `tox run -e fuzz`
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.register_profile(
    "fuzz",
    max_examples=FUZZ or FEW,
    deadline=None,
    derandomize=False,
    suppress_health_check=list(hypothesis.HealthCheck),
    print_blob=True,
)
hypothesis.settings.load_profile("fuzz" if FUZZ else "few")
logging.getLogger("tensorflow").addFilter(lambda record: "retracing" not in record.getMessage())
