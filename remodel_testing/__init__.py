"""What a model's author tests it with, in one line each:

    def test_the_laws(): check(MODEL)
    def test_schedules_converge(): simulate(MODEL)
    def test_an_order_shows_its_buyer(): assert example(MODEL, shop=[...]) == {"orders": [...]}

It is installed with the command line; no function of the stack has it.
"""

from remodel_testing.laws import check
from remodel_testing.plain import example
from remodel_testing.simulation import Diverged, simulate

__all__ = ["Diverged", "check", "example", "simulate"]
