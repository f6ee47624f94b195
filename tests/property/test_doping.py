"""Doping rules at random: neutral, the planned composition, the planned number of arrangements."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lionn_rs.errors import ConfigError
from lionn_rs.structures import net_charge
from lionn_rs.structures.ladder import plan
from lionn_rs.structures.rule import LadderSection
from lionn_rs.workflows.dope import dope

HOST = {"Li": 20, "Ge": 2, "P": 4, "S": 24}
N_EMPTY = 4
"""Empty Li sites of the prototype: three of Li(8f), one of Li(4c)."""
CATIONS, ANIONS = ["Ge", "P", "Si", "Sn", "Al", "Sb"], ["S", "Cl", "O", "Br"]


@st.composite
def ladders(draw) -> LadderSection:
    exchanges = []
    for pool in (CATIONS, ANIONS):
        for _ in range(draw(st.integers(0, 2))):
            remove = draw(st.sampled_from([name for name in pool if name in HOST]))
            insert = draw(st.sampled_from([name for name in pool if name not in HOST]))
            exchanges.append({"remove": remove, "insert": insert,
                              "count": draw(st.integers(1, 2))})  # fmt: skip
    assume(exchanges)
    assume(len({(e["remove"], e["insert"]) for e in exchanges}) == len(exchanges))
    return LadderSection(
        element=draw(st.sampled_from([entry["insert"] for entry in exchanges])),
        counts=draw(st.lists(st.integers(0, 4), min_size=1, max_size=2, unique=True)),
        compensate=draw(st.sampled_from(["none", "lithium"])),
        exchanges=exchanges,
    )


@given(ladders())
@settings(max_examples=200, deadline=None)
def test_every_step_is_neutral_and_changes_what_it_says(ladder):
    refusal, steps = "", []
    try:
        steps = plan(HOST, ladder)
    except ConfigError as error:
        refusal = str(error)
    if refusal:  # names the section and the reason in one line
        assert refusal.startswith("[ladder]")
        assert "\n" not in refusal
        return
    assert [step.n_dopant for step in steps] == ladder.counts
    for step in steps:
        symbols = [name for name, n in step.composition.items() for _ in range(n)]
        assert net_charge(symbols) == step.charge == 0.0
        assert step.at_percent == pytest.approx(100 * step.n_dopant / len(symbols))
        # Cations of the framework and anions keep their number; lithium pays for the rest.
        anions = sum(n for name, n in step.composition.items() if name in ANIONS)
        framework = sum(n for name, n in step.composition.items() if name in CATIONS)
        assert (anions, framework) == (24, 6)
        if ladder.compensate == "none":
            assert step.composition["Li"] == 20


@given(ladders())
@settings(max_examples=15, deadline=None)
def test_structures_have_the_planned_composition_and_number(ladder):
    try:
        steps = plan(HOST, ladder)
    except ConfigError:
        return
    assume(all(n <= 2 for step in steps for _, n in step.exchanges))
    rule = {
        "host": {"structure": "lgps"},
        "ladder": ladder.model_dump(),
        "arrangements": {"keep": 2, "enumerate_up_to": 20000, "n_samples": 50},
    }
    empty = max(n for step in steps for e, n in [*step.exchanges, (None, 0)]
                if e is None or e.remove == "vacancy")  # fmt: skip
    if empty > N_EMPTY:
        with pytest.raises(ConfigError, match="such sites in the supercell"):
            dope(rule)
        return
    made = dope(rule)
    for entry in made.structures:
        symbols = entry.atoms.get_chemical_symbols()
        assert dict(Counter(symbols)) == entry.step.composition
        assert net_charge(symbols) == 0.0
    for step, row in zip(steps, made.summary, strict=True):
        removed = Counter({name: 0 for name in HOST})
        ways = 1
        for exchange, n in step.exchanges:
            if exchange.remove == "vacancy":
                ways *= math.comb(N_EMPTY, n)
                continue
            ways *= math.comb(HOST[exchange.remove] - removed[exchange.remove], n)
            removed[exchange.remove] += n
        assert row["arrangements"] == ways
