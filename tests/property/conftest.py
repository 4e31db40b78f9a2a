"""How many examples: COMPAT_GRAD_FUZZ=20000, of a random seed. Without it there are no such tests."""

import os

EXAMPLES = int(os.environ.get("COMPAT_GRAD_FUZZ", "0"))
collect_ignore_glob = [] if EXAMPLES else ["test_*.py"]

if EXAMPLES:
    import hypothesis

    hypothesis.settings.register_profile(
        "fuzz",
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=True,
    )
    hypothesis.settings.load_profile("fuzz")
