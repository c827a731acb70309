# SPDX-License-Identifier: Apache-2.0
"""Fixtures: stack, one for all tests of a module that leave it as they found it; fresh, one of its own for a test that does not."""
import pytest

from stack import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("stack")) as s:
        yield s


@pytest.fixture
def fresh(tmp_path):
    with Stack(tmp_path) as s:
        yield s
