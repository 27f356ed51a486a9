"""What to say of a trouble: what is wrong, of which machine, and what to do.

Rules of this file
- Pure. Every `Why` has a sentence in both languages; the machine's name is in front of all of them.
"""

from collections.abc import Mapping
from enum import StrEnum

from router.language import pick
from router.tools.hosts.trouble import Trouble, Why


class Whom(StrEnum):
    """Who was asked, as people call it."""

    DOCKER = "Docker"
    NODE_EXPORTER = "node_exporter"
    GPU_EXPORTER = "gpu_exporter"
    TAILSCALE = "Tailscale"
    SERVICE = ""


_WRONG: Mapping[Why, tuple[str, str]] = {
    Why.REFUSED: ("연결이 거절됐어요", "the connection was refused"),
    Why.NO_NAME: ("주소를 찾을 수 없어요", "its name has no address"),
    Why.SLOW: ("제시간에 답하지 않았어요", "it did not answer in time"),
    Why.NO_SOCKET: ("소켓 파일이 없어요", "there is no such socket"),
    Why.FORBIDDEN: ("접근 권한이 없어요", "Maek may not use it"),
    Why.UNTRUSTED: ("인증서 확인(TLS)에 실패했어요", "TLS failed, a certificate is not trusted"),
    Why.FILES: ("인증서 파일을 쓸 수 없어요", "a certificate file cannot be used"),
    Why.STATUS: ("요청을 거부했어요", "it declined"),
    Why.UNREADABLE: ("알아볼 수 없는 답이 왔어요", "its answer makes no sense"),
    Why.HUGE: ("답이 너무 커요", "its answer is too large"),
    Why.CUT: ("연결이 중간에 끊겼어요", "the connection broke off"),
    Why.NO_SSH: ("이 장비에 ssh 명령이 없어요", "there is no ssh command on this machine"),
    Why.SSH: ("SSH로 들어가지 못했어요", "SSH did not get through"),
}

_REMEDY: Mapping[Why, tuple[str, str]] = {
    Why.REFUSED: ("켜져 있는지, 포트가 맞는지 확인해 주세요.", "Check that it is running and that the port is right."),
    Why.NO_NAME: ("설정의 주소를 확인해 주세요.", "Check the address in the configuration."),
    Why.SLOW: ("장비가 켜져 있고 연결되는지 확인해 주세요.", "Check that the machine is on and can be reached."),
    Why.NO_SOCKET: (
        "켜져 있는지, 설정의 경로가 맞는지 확인해 주세요.",
        "Check that it is running and that the path is right.",
    ),
    Why.FORBIDDEN: ("Maek을 실행하는 사용자에게 권한을 주세요.", "Give the user that Maek runs as access to it."),
    Why.UNTRUSTED: ("양쪽 인증서와 주소가 맞는지 확인해 주세요.", "Check both sides' certificates and the address."),
    Why.FILES: (
        "파일의 경로와 권한, 짝이 맞는지 확인해 주세요.",
        "Check its path, who may read it, and that cert and key fit.",
    ),
    Why.STATUS: ("그 주소와 접근 권한을 확인해 주세요.", "Check that address and who may use it."),
    Why.UNREADABLE: ("설정의 주소가 맞는지 확인해 주세요.", "Check that the address is the right one."),
    Why.HUGE: ("설정의 주소가 맞는지 확인해 주세요.", "Check that the address is the right one."),
    Why.CUT: ("잠시 뒤에 다시 시도해 주세요.", "Try again in a moment."),
    Why.NO_SSH: ("openssh-client를 설치해 주세요.", "Install openssh-client."),
    Why.SSH: (
        "Maek을 실행하는 사용자로 ssh가 비밀번호 없이 되는지 확인해 주세요.",
        "Check that ssh works without a password for the user that Maek runs as.",
    ),
}


def sentence(language: str, name: str, whom: Whom, trouble: Trouble) -> str:
    """`gpu의 Docker: 연결이 거절됐어요. 켜져 있는지, 포트가 맞는지 확인해 주세요.`"""
    wrong, remedy = why(language, trouble)
    title = pick(language, ko=f"{name}의 {whom}", en=f"{whom} of {name}") if whom else name
    return f"{title}: {wrong}. {remedy}"


def why(language: str, trouble: Trouble) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    wrong_ko, wrong_en = _WRONG[trouble.why]
    remedy_ko, remedy_en = _REMEDY[trouble.why]
    detail = f"HTTP {trouble.detail}" if trouble.why is Why.STATUS else trouble.detail
    wrong = pick(language, ko=wrong_ko, en=wrong_en) + (f" ({detail})" if detail else "")
    return wrong, pick(language, ko=remedy_ko, en=remedy_en)
