"""What `tests.seam.ahead` finds in a TensorFlow to come."""

import logging
import warnings

from tests.seam import ahead


def test_a_warning_that_names_one_of_ours_is_kept_and_another_is_not():
    with ahead.warned() as lines:
        warnings.warn("Importing record_operation from eager.tape is deprecated", DeprecationWarning, stacklevel=1)
        warnings.warn("something_else goes", DeprecationWarning, stacklevel=1)
        logging.getLogger("tensorflow").warning("From x.py:1: save_context (from tf.saved_model) is deprecated")
    kept = ahead.about_ours(lines, ["record_operation", "save_context", "text_of"])
    assert [line.rpartition(": ")[2] for line in kept] == [
        "Importing record_operation from eager.tape is deprecated",
        "save_context (from tf.saved_model) is deprecated",
    ]
