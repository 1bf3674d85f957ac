"""A run under torchrun: the first rank makes it, the others only train along.

The first rank checks the configuration, owns the folder, measures and writes. The others get the
configuration from it once that has been accepted, and the state of each training when it begins:
they read and write no file of the run.
"""

from __future__ import annotations

from chsnn.lab.config import RunConfig
from chsnn.lab.experiment import load_for
from chsnn.lab.networks import build_network
from chsnn.ranks import Ranks, launched_ranks
from chsnn.threads import threads
from chsnn.training import Trainer


def lead(config: RunConfig) -> None:
    """Let the other ranks, if there are any, train along in a run that begins now."""
    if (ranks := launched_ranks()) is not None:
        ranks.told_by_first(config.to_dict)


def follow(ranks: Ranks) -> None:
    """Train along in the run of the first rank, to its end.

    Parameters
    ----------
    ranks : Ranks
        Of which this process is not the first.

    Raises
    ------
    RuntimeError
        If the first rank gave up.
    """
    config = RunConfig.from_dict(ranks.told_by_first(dict))
    data = load_for(config)
    if config.train_images is not None:
        data = data.with_train_images(config.train_images)
    with threads(config.threads):
        for one in (config, config.fully_connected())[: 1 + config.baseline]:
            trainer = Trainer(
                build_network(one, data),
                evolution=one.rewiring_settings(),
                settings=one.training(),
                learning=one.learning_rule(),
                folder=one.out,  # into which the first rank alone writes
                n_threads=one.threads,
                progress=False,
                ranks=ranks,
            )
            trainer.fit(data.train, data.validation)
