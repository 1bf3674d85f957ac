"""The command ``chsnn`` as a module: ``python -m chsnn``, and ``torchrun ... -m chsnn``."""

from chgraph.starting import chsnn_command

if __name__ == "__main__":
    chsnn_command()
