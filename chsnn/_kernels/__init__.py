"""CPU kernels of chsnn: sparse products, LIF over time, event-driven inference."""
