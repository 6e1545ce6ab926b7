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
def test_only_added_objects_are_known(
    objects: dict[tuple[str, str], Kind], asked: list[tuple[str, str]]
) -> None:
    known = KnownObjects()
    for (key, etag), kind in objects.items():
        frame = pl.DataFrame({"source_key": [key, None], "source_etag": [etag, None]})
        known.add(kind, [frame])
        # Objects can be added after a look-up.
        assert known.look_up([key], [etag]) == [kind]
    pairs = [*asked, *objects]
    found = known.look_up([key for key, _ in pairs], [etag for _, etag in pairs])
    assert found == [objects.get(pair, Kind.UNKNOWN) for pair in pairs]


def test_empty_set_knows_nothing() -> None:
    known = KnownObjects()
    known.add(Kind.ROW, [pl.DataFrame(schema={"source_key": pl.String, "source_etag": pl.String})])
    assert known.look_up(["a"], ["b"]) == [Kind.UNKNOWN]
