import pytest

from router.decide.topic import topic_of


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ("교수님한테서", "교수"),
        ("동생한테", "동생"),
        ("김부장님이", "김부장"),
        ("장학재단으로 부터", "장학재단"),
        ("개인에게서", "개인"),
        ("친구가", "친구"),
        ("티디 뱅크에서", "티디 뱅크"),
        ("보고서 관련", "보고서"),
        ("저작권관련", "저작권"),
        ("업무와 관련된", "업무"),
        ("콘서트 예매 정보가 담긴", "콘서트 예매"),
        ("공고라는 말이 들어간", "공고"),
        ("북한에서", "북한"),
    ],
)
def test_the_particle_that_marks_a_sender_or_a_subject_is_no_part_of_it(said: str, topic: str) -> None:
    assert topic_of(said.split(), sent=True) == topic


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ("재건축 문의", "재건축 문의"),
        ("주간 회의", "주간 회의"),
        ("친구의", "친구"),
        ("계약서를", "계약서"),
        ("북한", "북한"),
        ("항공 경로", "항공 경로"),
        ("고양이", "고양이"),
    ],
)
def test_a_noun_that_ends_like_a_particle_stays_whole(said: str, topic: str) -> None:
    assert topic_of(said.split(), sent=False) == topic


@pytest.mark.parametrize(
    "said",
    [
        "지운",
        "즐겨찾기에 있는 사람",
        "중요한",
        "첫번째",
        "저녁에",
        "생일에",
        "확인해야 하는",
        "전송실패한",
        "왔던",
        "참조로",
        "너",
    ],
)
def test_a_folder_a_state_or_a_time_is_nothing_to_search_for(said: str) -> None:
    assert topic_of(said.split(), sent=True) is None
