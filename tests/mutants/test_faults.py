"""Every fault of faults.tsv still has its place in the kernels, wherever that has moved to."""

from __future__ import annotations

import pytest

from tools import mutants


@pytest.mark.parametrize("fault", mutants.faults(), ids=lambda fault: fault.name)
def test_a_fault_has_one_place_in_the_kernels(fault: mutants.Fault) -> None:
    mutants.place_of(fault, mutants.kernels())
    assert fault.replace != fault.find
    assert fault.rule


def test_there_are_thirty_faults_at_least_of_different_names() -> None:
    names = [fault.name for fault in mutants.faults()]
    assert len(set(names)) == len(names) >= 30


def test_a_text_that_is_not_there_or_there_twice_is_told() -> None:
    texts = mutants.kernels()
    for text, times in (("cdef enum", "x"), ("no kernel says this", "nowhere")):
        with pytest.raises(LookupError, match=times):
            mutants.place_of(mutants.Fault("one", text, "", "none"), texts)
