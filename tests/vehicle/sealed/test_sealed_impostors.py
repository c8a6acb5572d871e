"""What a terminal or a gateway that lies can do to a holder: nothing but end the session."""

from __future__ import annotations

import pytest
from sealed_impostors import IMPOSTORS, Impostor


@pytest.mark.parametrize("impostor", [pytest.param(each, id=f"{each.id} {each.name}") for each in IMPOSTORS])
def test_the_holder_meets_it(impostor: Impostor) -> None:
    assert impostor.run()
