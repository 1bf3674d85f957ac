"""Checks of arguments: what passes comes back as it is meant, what fails is named."""

import ast
from pathlib import Path

import numpy as np
import pytest

from chgraph import checks


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_integers_of_every_kind_pass(value):
    got = checks.check_int("n", value, minimum=3)
    assert (got, type(got)) == (3, int)


@pytest.mark.parametrize("value", [3.0, "3", True, np.bool_(True), None, [3]])
def test_what_is_no_integer_is_named_with_its_type(value):
    with pytest.raises(TypeError, match=rf"^n must be an integer.*{type(value).__name__}$"):
        checks.check_int("n", value, minimum=0)


@pytest.mark.parametrize(
    ("check", "value"),
    [(checks.check_count, -1), (checks.check_positive_int, 0)],
)
def test_an_integer_too_small_is_named_with_its_bound(check, value):
    with pytest.raises(ValueError, match=rf"^n must be at least {value + 1}, got {value}"):
        check("n", value)
    assert check("n", value + 1) == value + 1


@pytest.mark.parametrize("value", [0, 0.999, np.float32(0.5)])
def test_numbers_in_the_interval_pass(value):
    assert checks.check_real("x", value, minimum=0, below=1) == float(value)


@pytest.mark.parametrize("value", [1.0, -1e-9, float("nan"), float("inf"), -float("inf")])
def test_numbers_outside_the_interval_are_named_with_it(value):
    with pytest.raises(ValueError, match=r"^x must be in \[0, 1\)"):
        checks.check_real("x", value, minimum=0, below=1)


def test_infinity_is_never_at_least_something():
    with pytest.raises(ValueError, match="x must be at least 0, got inf"):
        checks.check_real("x", float("inf"), minimum=0)


@pytest.mark.parametrize("value", ["1", True, None, 1j, [1.0]])
def test_what_is_no_number_is_named(value):
    with pytest.raises(TypeError, match=r"^x must be a number"):
        checks.check_real("x", value, minimum=0)


def test_sparsity_says_what_it_is():
    with pytest.raises(ValueError, match=r"^sparsity must be in \[0, 1\).*absent.*got 1"):
        checks.check_sparsity(1)


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float64(1.0)])
def test_shares_pass(value):
    assert checks.check_share("x", value) == float(value)


@pytest.mark.parametrize("value", [-0.001, 1.001, float("nan"), float("inf")])
def test_what_is_no_share_is_named_with_both_bounds(value):
    with pytest.raises(ValueError, match="x must be at least 0 and at most 1, got"):
        checks.check_share("x", value)


@pytest.mark.parametrize("value", ["c", "A", 1, None])
def test_an_unknown_choice_is_shown_with_the_known_ones(value):
    with pytest.raises(ValueError, match=r"^kind must be one of 'a', 'b'; got"):
        checks.check_choice("kind", value, ("a", "b"))


def test_link_values_become_float64():
    got = checks.check_link_values("w", [1, 2], 2)
    assert (got.dtype, got.tolist()) == (np.float64, [1.0, 2.0])


@pytest.mark.parametrize("values", [[1.0], [[1.0, 2.0]], 1.0, [1.0, np.nan], [1.0, np.inf]])
def test_bad_link_values_are_named(values):
    with pytest.raises(ValueError, match=r"^w must"):
        checks.check_link_values("w", values, 2)


@pytest.mark.parametrize("mask", [[True], [1, 0], np.ones((2, 1), bool), True])
def test_a_bad_mask_is_named(mask):
    with pytest.raises(ValueError, match=r"^m must be a boolean array of shape \(2,\)"):
        checks.check_node_mask("m", mask, 2)


def test_a_generator_is_passed_through_and_a_seed_makes_one():
    rng = np.random.default_rng(1)
    assert checks.as_generator(rng) is rng
    assert checks.as_generator(7).random() == np.random.default_rng(7).random()
    assert checks.as_generator(None).random() != checks.as_generator(None).random()


@pytest.mark.parametrize("rng", ["x", -1, 0.5, object()])
def test_what_makes_no_generator_is_named(rng):
    with pytest.raises(TypeError, match=r"^seed must be None"):
        checks.as_generator(rng, name="seed")


# -------------------------------------------------------------- what a check returns is used

NUMBERS = {"check_int", "check_positive_int", "check_count", "check_real", "check_share"}


def unused_checks(text):
    """Lines of checks of a name whose result goes nowhere: the name stays what it was."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", None) in NUMBERS | {"check_sparsity"}
        and isinstance(node.value.args[0], ast.Constant)
        and any(getattr(got, "id", None) == node.value.args[0].value for got in node.value.args)
    ]


@pytest.mark.parametrize(
    "path", sorted(Path(checks.__file__).parents[1].glob("ch*/**/*.py")), ids=lambda p: p.stem
)
def test_a_checked_number_is_the_one_that_is_used(path):
    """A numpy integer of few bits would wrap around in what is computed from it."""
    assert unused_checks(path.read_text(encoding="utf-8")) == []


def test_unused_checks_are_found():
    assert unused_checks('def f(n):\n    check_count("n", n)\n    return n * n') == [2]
    assert unused_checks('def f(n):\n    n = check_count("n", n)\n    return n * n') == []
