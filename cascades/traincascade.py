"""`cascades traincascade`: the command line of opencv_traincascade, as tutorials write it, run by this trainer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from cascades.errors import InvalidParameter
from cascades.files import require_place
from cascades.opencv_files import OpenCVImages, read_background, read_info, read_vec
from cascades.params import TrainingParams
from cascades.training import StageReport, TrainingResult, train

DEFAULTS = {
    "-data": "", "-vec": "", "-info": "", "-bg": "", "-numPos": "2000", "-numNeg": "1000", "-numStages": "20",
    "-precalcValBufSize": "1024", "-precalcIdxBufSize": "1024", "-numThreads": "2", "-acceptanceRatioBreakValue": "-1",
    "-stageType": "BOOST", "-featureType": "HAAR", "-w": "24", "-h": "24", "-bt": "GAB", "-minHitRate": "0.995",
    "-maxFalseAlarmRate": "0.5", "-weightTrimRate": "0.95", "-maxDepth": "1", "-maxWeakCount": "100", "-mode": "BASIC",
}  # fmt: skip
"""Options and their values where they are not given: OpenCV's own. `-info` is opencv_createsamples'."""
FLAGS = ("-baseFormatSave",)
NO_COUNTERPART = {
    "-precalcIdxBufSize": "there is no buffer of sorted values; memory is limited by -precalcValBufSize alone",
    "-acceptanceRatioBreakValue": "training stops when the background runs out",
    "-baseFormatSave": "the format from before OpenCV 2.4 is read, not written",
}
CASCADE, CHECKPOINT = "cascade.xml", "checkpoint.npz"
BOOSTING = {"GAB": "gentle", "DAB": "discrete", "RAB": "real", "LB": "gentle"}
MODES = {"BASIC": "basic", "CORE": "core", "ALL": "all"}


@dataclass(frozen=True)
class Run:
    """What a command line asks for: the files, the settings, and a line for each option that is not followed."""

    data: Path
    vec: Path | None
    info: Path | None
    bg: Path
    params: TrainingParams
    notes: list[str] = field(default_factory=list)


def parse(words: Sequence[str]) -> Run:
    """Read the options of opencv_traincascade. Raises InvalidParameter naming the option."""
    given = _pairs(words)
    notes = [f"{name} has no counterpart: {why}" for name, why in NO_COUNTERPART.items() if name in given]
    option = DEFAULTS | given
    for name in ("-data", "-bg"):
        if not option[name]:
            raise InvalidParameter(f"{name} is missing; expected -data FOLDER -vec FILE.vec -bg FILE.txt")
    if bool(option["-vec"]) == bool(option["-info"]):
        raise InvalidParameter("expected the positives as -vec FILE.vec, or their pictures as -info info.dat")
    kind = _choice(option, "-featureType", ("HAAR", "LBP"))
    _choice(option, "-stageType", ("BOOST",))
    boosting = _choice(option, "-bt", tuple(BOOSTING))
    if boosting == "LB":
        notes.append("-bt LB has no counterpart: GAB is used instead of LogitBoost")
    from_vec = bool(option["-vec"])
    params = TrainingParams(
        window=(_whole(option, "-w"), _whole(option, "-h")),
        features="lbp" if kind == "LBP" else MODES[_choice(option, "-mode", tuple(MODES))],
        stages=_whole(option, "-numStages"),
        positives=_whole(option, "-numPos"),
        negatives=_whole(option, "-numNeg"),
        min_hit_rate=_real(option, "-minHitRate"),
        max_false_alarm=_real(option, "-maxFalseAlarmRate"),
        max_weak_count=_whole(option, "-maxWeakCount"),
        max_depth=_whole(option, "-maxDepth"),
        weight_trim=_real(option, "-weightTrimRate"),
        boosting=BOOSTING[boosting],
        memory_mb=_whole(option, "-precalcValBufSize"),
        threads=_whole(option, "-numThreads"),
        ranking=0,  # all stages alike, as in OpenCV
        margin=0.0,  # the box is the window
        # A .vec file has its variants already, boxes have not.
        mirror=not from_vec,
        jitter=0.0 if from_vec else TrainingParams.jitter,
    )
    return Run(
        Path(option["-data"]),
        Path(option["-vec"]) if from_vec else None,
        None if from_vec else Path(option["-info"]),
        Path(option["-bg"]),
        params,
        notes,
    )


def run(wanted: Run, tell: Callable[[str], None], on_progress: Callable[[StageReport], None]) -> TrainingResult:
    """Train into `-data`: cascade.xml, and a checkpoint from which the same command goes on after a break.

    tell is called with a line for each option that is not followed as it stands, before the training begins.
    """
    params = wanted.params
    samples = None if wanted.vec is None else read_vec(wanted.vec, params.window)
    boxes = {} if wanted.info is None else read_info(wanted.info)
    images = OpenCVImages(None if samples is None else samples[: params.positives], boxes, read_background(wanted.bg))
    notes = list(wanted.notes)
    if samples is not None and len(samples) != params.positives:
        use = "the first ones are used" if len(samples) > params.positives else "some are used more than once"
        notes.append(f"-numPos is {params.positives}, and {wanted.vec} has {len(samples)} samples: {use}")
    for note in notes:
        tell(note)
    try:
        wanted.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidParameter(f"-data {wanted.data} cannot be made: {error.strerror}; name another folder") from error
    for name in (CASCADE, CHECKPOINT):
        require_place(wanted.data / name)
    result = train(images, params, checkpoint=wanted.data / CHECKPOINT, on_progress=on_progress)
    result.cascade.save(wanted.data / CASCADE)
    return result


def _pairs(words: Sequence[str]) -> dict[str, str]:
    """Option → value."""
    given: dict[str, str] = {}
    rest = list(words)
    while rest:
        name = rest.pop(0)
        if name in FLAGS:
            given[name] = ""
        elif name not in DEFAULTS:
            near = get_close_matches(name, [*DEFAULTS, *FLAGS], 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise InvalidParameter(f"{name!r} is no option of opencv_traincascade{hint}")
        elif not rest:
            raise InvalidParameter(f"{name} has no value behind it")
        else:
            given[name] = rest.pop(0)
    return given


def _choice(option: dict[str, str], name: str, known: tuple[str, ...]) -> str:
    value = option[name].upper()
    if value not in known:
        raise InvalidParameter(f"{name} is {option[name]}, expected {' or '.join(known)}")
    return value


def _whole(option: dict[str, str], name: str) -> int:
    try:
        return int(option[name])
    except ValueError as error:
        raise InvalidParameter(f"{name} is {option[name]!r}, expected a whole number") from error


def _real(option: dict[str, str], name: str) -> float:
    try:
        return float(option[name])
    except ValueError as error:
        raise InvalidParameter(f"{name} is {option[name]!r}, expected a number") from error
