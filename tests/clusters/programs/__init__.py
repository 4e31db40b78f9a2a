"""What the processes of a cluster run: each a script that is started by its path, with `problem` beside it."""
