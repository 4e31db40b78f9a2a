"""What ``python -m compat_grad migrate --wrap --write`` made of those of ../programs that cannot be rewritten.

Made anew by ``python -m tests.migrate.rewritten``; the tests hold it against what `migrate` makes today.
"""
