"""How tools/coverage.py tells C's lines by those of Cython, and the table of lines that no test has to run."""

from __future__ import annotations

from pathlib import Path

from tools import coverage

C = """\
/* "flowparse/_one.pyx":7
 * def f(x):             # <<<<<<<<<<<<<<
 */
static PyObject *f(PyObject *x) {
  /* "flowparse/_one.pyx":8
 *     return x             # <<<<<<<<<<<<<<
 */
  __pyx_r = x;
  goto __pyx_L0;
  /* function exit code */
  __pyx_L0:;
  return __pyx_r;
}
"""


def test_a_line_was_run_when_the_first_line_of_its_c_was() -> None:
    counts = {4: 3, 8: 0, 9: 5, 11: 3, 12: 3}
    assert coverage.counts_of_lines(C, counts) == {
        coverage.Line("_one.pyx", 7): 3,
        coverage.Line("_one.pyx", 8): 0,
    }


def test_a_line_that_was_made_twice_was_run_if_one_of_the_two_was() -> None:
    counts = {4: 0, 8: 0, 17: 1}
    assert coverage.counts_of_lines(C + C[: C.index("/* function")], counts)[coverage.Line("_one.pyx", 7)] == 1


def test_each_line_that_is_excepted_is_there_and_has_a_reason() -> None:
    table = coverage.excepted()
    assert len(table) <= coverage.MOST_EXCEPTED
    for each in table:
        lines = Path(coverage.ROOT, "src", "flowparse", each.room).read_text(encoding="utf-8").splitlines()
        assert each.text in map(str.strip, lines)
        assert each.reason


def test_a_row_whose_line_is_run_is_told() -> None:
    row = coverage.Exception_("_one.pyx", "pass", "none")
    assert coverage.without([], [row]) == ([], ["_one.pyx: 'pass' is run, or not there"])
