from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from event_log.known_objects import Kind, KnownObjects

objects = st.dictionaries(
    st.tuples(st.text(max_size=4), st.text("ab", max_size=3)),
    st.sampled_from([Kind.ROW, Kind.REJECTED, Kind.FILTERED, Kind.DUPLICATE]),
    max_size=20,
)


@given(objects=objects, asked=st.lists(st.tuples(st.text(max_size=4), st.text("ab", max_size=3))))
def test_it_knows_what_it_was_told_and_nothing_else(
    objects: dict[tuple[str, str], Kind], asked: list[tuple[str, str]]
) -> None:
    known = KnownObjects()
    for (key, etag), kind in objects.items():
        frame = pl.DataFrame({"source_key": [key, None], "source_etag": [etag, None]})
        known.add(kind, [frame])
        # Whoever asks between may add more.
        assert known.look_up([key], [etag]) == [kind]
    pairs = [*asked, *objects]
    found = known.look_up([key for key, _ in pairs], [etag for _, etag in pairs])
    assert found == [objects.get(pair, Kind.UNKNOWN) for pair in pairs]


def test_nothing_is_known_to_the_empty_one() -> None:
    known = KnownObjects()
    known.add(Kind.ROW, [pl.DataFrame(schema={"source_key": pl.String, "source_etag": pl.String})])
    assert known.look_up(["a"], ["b"]) == [Kind.UNKNOWN]
