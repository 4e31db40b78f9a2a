"""What ``python -m compat_grad migrate --write`` made of ../programs; those that it left alone are not here.

Made anew by ``python -m tests.migrate.rewritten``; the tests hold it against what `migrate` makes today.
"""
