"""`maek learn`: what the operator confirmed, learned on top of the embedded model, on this machine.

Rules of this file
- Nothing is put in force that is wrong more often, on messages it has not seen, than the model that is shipped.
- Every step can be taken back, and says how.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from router.commands.options import add_config, config_path, load_or_explain
from router.config import Config
from router.decide.decision import REFUSED_SENDING, SessionFacts
from router.decide.intent.deciding import decide_by_model
from router.decide.intent.labels import Label
from router.decide.intent.model import IntentModel, packaged_model
from router.decide.request import Request
from router.decider import rules_of
from router.language import language_of
from router.learning.anchors import anchors
from router.learning.fitting import fit
from router.learning.keeping import Keeping, Learned, read_rows
from router.learning.lessons import Lesson, lesson_of, without_contradictions
from router.learning.trial import FOLDS, Accept, Tally, Trial, tried
from router.terminal.cells import clean
from router.tools.registry import build as build_tools

CHOICES: Sequence[tuple[str, str, Mapping[str, Any]]] = (
    ("1", "look into the calendar", {"action": "tools", "tool": "calendar", "operation": "search"}),
    ("2", "new calendar entry", {"action": "tools", "tool": "calendar", "operation": "create_draft"}),
    ("3", "search mail", {"action": "tools", "tool": "email", "operation": "search"}),
    ("4", "send mail (refused)", {"action": "direct", "reason": REFUSED_SENDING}),
    ("5", "small talk", {"action": "direct", "reason": "confirmed"}),
    ("0", "anything else", {"action": "route", "reason": "confirmed"}),
)
"""What a message may have been, where the decision was wrong."""
_DECIDED = ("action", "tool", "operation", "reason")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek learn` takes."""
    add_config(parser)
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        type=Path,
        help="more confirmed decisions, as `maek decide` prints them, with their text",
    )
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument(
        "--review", action="store_true", help="go through the kept messages, and confirm or correct each"
    )
    doing.add_argument("--show", action="store_true", help="say what was learned, and from what")
    doing.add_argument("--undo", action="store_true", help="take the last learning back")
    doing.add_argument("--dry-run", action="store_true", help="try it, and put nothing in force")
    parser.add_argument("--json", action="store_true", help="print the trial, or what was learned, as JSON")


def run(args: argparse.Namespace) -> int:
    """Learn; 1 if nothing was put in force."""
    config = load_or_explain(config_path(args))
    if config is None:
        return 1
    keeping = Keeping(config.router.data_folder())
    try:
        if args.review:
            return _review(keeping)
        if args.show:
            return _show(keeping, as_json=args.json)
        if args.undo:
            return _undo(keeping)
        return _learn(config, keeping, args)
    except OSError as error:
        print(f"maek learn: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1


def _learn(config: Config, keeping: Keeping, args: argparse.Namespace) -> int:
    found = [lesson for row in (*keeping.confirmed(), *_from_files(args.files)) if (lesson := lesson_of(row))]
    lessons = without_contradictions(found)
    model = packaged_model()
    trial = _trial(lessons, model, _accepting(config))
    objection = trial.objection
    if args.json:
        print(orjson.dumps({**_trial_json(trial), "objection": objection}).decode())
    else:
        print("\n".join(_told(trial)))
    if objection is not None:
        print(f"maek learn: nothing was changed: {objection}.", file=sys.stderr)
        return 1
    if args.dry_run:
        return 0
    overlay = fit(lessons, model)
    at = datetime.now(tz=UTC).isoformat(timespec="seconds")
    keeping.learn(Learned(overlay, model.base_version, len(lessons), at))
    print(
        f"maek learn: {overlay.version} is in force from the next start of Maek, or when its configuration is read "
        "again; `maek learn --undo` takes it back.",
        file=sys.stderr,
    )
    return 0


def _trial(lessons: Sequence[Lesson], model: IntentModel, accept: Accept) -> Trial:
    for number, trial in enumerate(tried(lessons, anchors(), model, accept), start=1):
        if trial is not None:
            return trial
        if sys.stderr.isatty():
            print(f"\rmaek learn: fold {number} of {FOLDS}", end="\n" if number == FOLDS else "", file=sys.stderr)
    raise AssertionError("a trial ends with its result")


def _accepting(config: Config) -> Accept:
    """What a model decides behind everything that stands around it, in the operator's house."""
    rules = rules_of(config, build_tools())
    now = datetime.now(tz=UTC).astimezone(config.router.zone)

    def accept(model: IntentModel, text: str) -> Label | None:
        facts = SessionFacts(now, language_of(text, config.router.language))
        decision = decide_by_model(Request(text, facts, rules), model)
        return None if decision is None else model.guess(text).label

    return accept


def _from_files(files: Sequence[Path]) -> Iterator[Mapping[str, Any]]:
    for path in files:
        with path.open("rb") as lines:
            for number, row in read_rows(lines):
                if row is None or lesson_of(row) is None:
                    wanted = '{"text": "…", "action": …} as `maek decide` prints it'
                    print(f"maek learn: {path}: line {number}: wanted {wanted}", file=sys.stderr)
                else:
                    yield row


def _told(trial: Trial) -> Iterator[str]:
    yield f"{trial.after.lessons:,} confirmed messages, each judged by a model that has not seen it:"
    yield f"  as shipped    {_tally_told(trial.before)}"
    yield f"  with learning {_tally_told(trial.after)}"
    yield f"{trial.anchors_after.lessons:,} everyday messages that come with Maek:"
    yield f"  as shipped    {_tally_told(trial.anchors_before)}"
    yield f"  with learning {_tally_told(trial.anchors_after)}"


def _tally_told(tally: Tally) -> str:
    precision = "–" if tally.precision is None else f"{tally.precision:.1%}"
    return f"decides {tally.accepted:,} of {tally.in_scope:,} in scope, {precision} right"


def _trial_json(trial: Trial) -> dict[str, Any]:
    return {
        name: {
            "lessons": tally.lessons,
            "in_scope": tally.in_scope,
            "accepted": tally.accepted,
            "right": tally.right,
            "precision": tally.precision,
        }
        for name, tally in (
            ("before", trial.before),
            ("after", trial.after),
            ("anchors_before", trial.anchors_before),
            ("anchors_after", trial.anchors_after),
        )
    }


def _review(keeping: Keeping) -> int:
    rows = keeping.waiting()
    if not rows:
        print(
            f"Nothing waits in {keeping.kept_file}. With `keep_messages: true` under router.decide, messages are kept "
            "from now on."
        )
        return 0
    choices = "  ".join(f"{key} {what}" for key, what, _ in CHOICES)
    print(f"{len(rows):,} messages. Enter: right. Otherwise what it was: {choices}.  s skip  q stop")
    done = 0
    for number, row in enumerate(rows, start=1):
        print(f"\n{number}/{len(rows)}  {clean(str(row.get('text')))}\n    {_decision_told(row)}")
        confirmed = _asked(row)
        if confirmed is None:
            break
        if confirmed:
            keeping.confirm(confirmed)
            done += 1
    print(f"\n{done:,} confirmed. `maek learn` learns from all that were.")
    return 0


def _asked(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row with what is right; empty to skip it, None to stop."""
    while True:
        try:
            answer = input("  > ").strip().lower()
        except EOFError:
            return None
        if answer in ("", "y"):
            return row
        if answer == "s":
            return {}
        if answer == "q":
            return None
        for key, _, right in CHOICES:
            if answer == key:
                return {**row, **dict.fromkeys(_DECIDED), **right}
        print(f"    Enter, s, q or one of {', '.join(key for key, _, _ in CHOICES)}.")


def _decision_told(row: Mapping[str, Any]) -> str:
    what = ".".join(str(row[key]) for key in ("tool", "operation") if row.get(key)) or str(row.get("action"))
    return f"{clean(what)}  (by {clean(str(row.get('source')))}: {clean(str(row.get('reason')))})"


def _show(keeping: Keeping, *, as_json: bool) -> int:
    learned = keeping.learned()
    confirmed = len(keeping.confirmed())
    if as_json:
        overlay = (
            None
            if learned is None
            else {
                "version": learned.overlay.version,
                "base_version": learned.base_version,
                "lessons": learned.lessons,
                "learned_at": learned.learned_at,
                "pieces": len(learned.overlay.weights),
            }
        )
        print(orjson.dumps({"confirmed": confirmed, "waiting": len(keeping.waiting()), "learned": overlay}).decode())
        return 0
    print(f"{confirmed:,} messages confirmed, {len(keeping.waiting()):,} kept and not looked at, in {keeping.folder}.")
    if learned is None:
        print("Nothing is learned: the embedded model is as it is shipped.")
    else:
        print(
            f"In force: {learned.overlay.version}, learned at {learned.learned_at} from {learned.lessons:,} messages, "
            f"{len(learned.overlay.weights):,} pieces, on the model {learned.base_version}."
        )
    return 0


def _undo(keeping: Keeping) -> int:
    if not keeping.undo():
        print("maek learn: there is nothing to take back.", file=sys.stderr)
        return 1
    left = keeping.learned()
    print("Taken back. In force: " + ("the model as it is shipped." if left is None else f"{left.overlay.version}."))
    return 0
