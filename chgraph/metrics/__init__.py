"""Measures graphs."""

from chgraph.metrics.estimate import Estimate
from chgraph.metrics.rich_club import RichClub, RichClubTest, rich_club, rich_club_p
from chgraph.metrics.small_world import (
    SmallWorld,
    small_world,
    small_world_omega,
    small_world_omega_efficiency,
    small_world_sigma,
    small_world_sigma_efficiency,
)
from chgraph.metrics.spectral import structural_consistency

__all__ = [
    "Estimate",
    "RichClub",
    "RichClubTest",
    "SmallWorld",
    "rich_club",
    "rich_club_p",
    "small_world",
    "small_world_omega",
    "small_world_omega_efficiency",
    "small_world_sigma",
    "small_world_sigma_efficiency",
    "structural_consistency",
]
