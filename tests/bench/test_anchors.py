from bench.decide.anchors import PLACE, anchor_lines


def test_the_everyday_messages_are_those_that_the_sentences_give() -> None:
    assert PLACE.read_bytes() == anchor_lines(), "run: python -m bench.decide.anchors"
