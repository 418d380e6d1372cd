"""Videos that are odd in one way each: what is right for them, drawn here and, where they lie there, on real cases."""

import shutil
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition

from pipeline.errors import InputError
from pipeline.video.container import pixel_aspect
from pipeline.video.decode import decode_chosen, decode_frames
from pipeline.video.probe import VideoInfo, probe
from tests.support.worlds import Picture, scene, write_video


def case(cases: Path, name: str) -> VideoInfo:
    info = probe(cases / "video" / name)
    assert info.problem == ""
    return info


def in_sequence(path: Path) -> list[tuple[int, int, bytes]]:
    return [(frame.index, frame.pts, frame.rgb().tobytes()) for frame in decode_frames(path)]


def write_streams(path: Path, *streams: tuple[str, Sequence[Picture], Disposition]) -> Path:
    """Several video streams (codec, pictures, disposition) in one file, 24 frames a second."""
    with av.open(path, "w") as container:
        made = []
        for codec, pictures, disposition in streams:
            stream = container.add_stream(codec, rate=24)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.disposition = disposition
            made.append((stream, pictures))
        for index in range(max(len(pictures) for _, pictures in made)):
            for stream, pictures in made:
                if index < len(pictures):
                    frame = av.VideoFrame.from_ndarray(pictures[index], format="rgb24")
                    frame.pts, frame.time_base = index, Fraction(1, 24)
                    container.mux(stream.encode(frame))
        for stream, _ in made:
            container.mux(stream.encode())
    return path


# --- seeking


def test_real_cases_that_must_not_be_sought(cases: Path) -> None:
    assert "looks otherwise after a seek" in case(cases, "pal8.avi").note
    doubled = case(cases, "doubled_pts.mp4")
    assert (doubled.frames, doubled.seekable) == (1200, False)
    assert "of its frames have no time, or another frame's" in doubled.note
    assert not case(cases, "pal8.avi").seekable


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx"), ("a.avi", "mpeg4")]
)
def test_usual_videos_may_be_sought(tmp_path: Path, name: str, codec: str) -> None:
    info = probe(write_video(tmp_path / name, scene(1, 60), codec=codec, options={"g": "12"}))
    assert (info.seekable, info.note, info.problem) == (True, "", "")


def test_a_palette_that_is_stated_once_forbids_seeks(tmp_path: Path) -> None:
    """Raw palettised video: its palette is in the header, and a seek drops it."""
    path = tmp_path / "pal8.avi"
    with av.open(path, "w") as container:
        stream = container.add_stream("rawvideo", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "pal8"
        for index in range(24):
            indices = np.full((36, 64), 1 + index, np.uint8)
            palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, axis=1)
            palette[:, 3] = 255
            frame = av.VideoFrame.from_ndarray((indices, palette), format="pal8")
            frame.pts, frame.time_base = index, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    info = probe(path)
    everything = in_sequence(path)
    assert info.problem == ""
    assert len(everything) == 24
    if info.seekable:
        for index in range(1, 24, 5):
            found = decode_frames(path, start=index, stop=index + 1, start_pts=everything[index][1])
            assert [(f.index, f.pts, f.rgb().tobytes()) for f in found] == everything[index : index + 1]
    else:
        assert "looks otherwise after a seek" in info.note


@pytest.mark.parametrize("name", ["a.nut", "a.mkv"])
def test_damage_that_the_decoder_repairs_forbids_seeks(tmp_path: Path, name: str) -> None:
    """What a damaged part of a frame is filled with depends on the frames that the decoder has read before."""
    path = write_video(tmp_path / name, scene(1, 24), codec="ffv1", options={"g": "8"})
    assert probe(path).seekable
    with av.open(path) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        place, size = packets[9].pos, packets[9].size
    content = bytearray(path.read_bytes())
    content[place + size // 2 : place + size // 2 + 30] = bytes(30)
    path.write_bytes(content)
    info = probe(path)
    assert (info.frames, info.problem, info.seekable) == (24, "", False)
    assert "FFmpeg reports damage in it ('slice CRC mismatch" in info.note
    # Said every time, though FFmpeg's words are the same as before.
    assert probe(path) == info


def test_times_of_another_frame_forbid_seeks(tmp_path: Path) -> None:
    path = tmp_path / "joined.ts"
    part = write_video(tmp_path / "a.ts", scene(1, 20))
    path.write_bytes(part.read_bytes() * 2)
    info = probe(path)
    assert (info.frames, info.seekable) == (40, False)
    assert "20 of its frames have no time, or another frame's" in info.note


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "bare.h264"])
def test_chosen_frames_are_those_of_a_reading_in_sequence(tmp_path: Path, name: str) -> None:
    pictures = [picture for seed in range(8) for picture in scene(seed, 60)]
    path = write_video(tmp_path / name, pictures, options={"g": "30"})
    everything = in_sequence(path)
    known = {index: everything[index][1] for index in range(0, 480, 60)} if probe(path).seekable else {}
    assert bool(known) == (name != "bare.h264")
    for wanted in ([0, 1, 479], [200, 201, 470], [130], list(range(0, 480, 37)), [240, 10, 10]):
        found = [(f.index, f.pts, f.rgb().tobytes()) for f in decode_chosen(path, wanted, known)]
        assert found == [everything[index] for index in sorted(set(wanted))]
    assert [frame.index for frame in decode_chosen(path, [5, 480, 9000], known)] == [5]
    assert list(decode_chosen(path, [], known)) == []


def test_chosen_frames_far_apart_do_not_need_what_lies_between(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", scene(1, 400), options={"g": "50", "x264-params": "scenecut=0"})
    times = [frame.pts for frame in decode_frames(path)]
    with av.open(path) as container:
        packets = [(packet.pts, packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for pts, place, size in packets:
        if times[110] <= pts < times[290]:
            content[place : place + size] = bytes(size)
    path.write_bytes(content)
    assert [frame.index for frame in decode_chosen(path, [20, 360], {350: times[350]})] == [20, 360]
    with pytest.raises(InputError, match="does not decode"):
        list(decode_chosen(path, [20, 360]))


# --- which stream


def test_real_cases_of_several_streams(cases: Path) -> None:
    cover, preview = case(cases, "unmarked_cover.mkv"), case(cases, "two_streams.mkv")
    assert (cover.frames, preview.frames) == (96, 96)
    assert cover.note.endswith("passed over: stream 0 (mjpeg, 160×160 px)")
    assert preview.note.endswith("passed over: stream 0 (h264, 160×90 px)")


def test_a_cover_without_its_mark_is_passed_over(tmp_path: Path) -> None:
    film, cover = scene(1, 48), scene(2, 1, (320, 320))
    for name, marks in (("plain.mkv", (0, 0)), ("wrong.mkv", (Disposition.default, 0))):
        streams = [("mjpeg", cover, Disposition(marks[0])), ("libx264", film, Disposition(marks[1]))]
        path = write_streams(tmp_path / name, *streams)
        info = probe(path)
        assert (info.frames, info.width, info.problem) == (48, 96, "")
        assert "passed over: stream 0 (mjpeg, 320×320 px)" in info.note
        assert len(list(decode_frames(path))) == 48


def test_of_two_films_the_default_one_is_read_or_else_the_larger(tmp_path: Path) -> None:
    small, large = scene(1, 30), scene(2, 40, (192, 128))
    neither = write_streams(tmp_path / "a.ts", ("libx264", small, Disposition(0)), ("libx264", large, Disposition(0)))
    assert (probe(neither).frames, probe(neither).width) == (40, 192)
    default = write_streams(
        tmp_path / "a.mkv", ("libx264", large, Disposition(0)), ("libx264", small, Disposition.default)
    )
    info = probe(default)
    assert (info.frames, info.width) == (30, 96)
    assert info.note == "stream 1 (h264, 96×64 px) is read, passed over: stream 0 (h264, 192×128 px)"


# --- shown size


def test_the_real_anamorphic_case_is_read_as_shown(cases: Path) -> None:
    info = case(cases, "anamorphic.mp4")
    assert (info.width, info.height) == (465, 180)
    assert info.note == "stored as 320×180 px of 16:11, shown as 465×180"


def write_anamorphic(path: Path, pictures: Sequence[Picture], aspect: Fraction, codec: str) -> Path:
    """Pictures that are as they should be shown, stored as wide as pixels of this aspect make them."""
    height, width = pictures[0].shape[:2]
    stored = round(width / aspect)
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height = stored, height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        for picture in pictures:
            small = cv2.resize(picture, (stored, height), interpolation=cv2.INTER_AREA)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(small, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("aspect", "name", "codec"),
    [
        (Fraction(16, 11), "a.avi", "mpeg4"),
        (Fraction(8, 9), "b.mp4", "libx264"),
        (Fraction(64, 45), "c.mp4", "libx264"),
        (Fraction(12, 11), "d.mkv", "mpeg2video"),
    ],
)
def test_a_dvd_and_a_web_copy_show_the_same_faces(tmp_path: Path, aspect: Fraction, name: str, codec: str) -> None:
    """A circle is as wide as high, at the same place and in the same colors, whatever the pixels it is stored in."""
    picture = np.full((144, 256, 3), 220, np.uint8)
    cv2.circle(picture, (170, 60), 40, (200, 60, 30), -1)
    square = write_video(tmp_path / "web.mkv", [picture] * 3, codec="ffv1", pix_fmt="bgr0")
    wide = write_anamorphic(tmp_path / name, [picture] * 3, aspect, codec)
    info, (web, dvd) = probe(wide), (next(decode_frames(path)) for path in (square, wide))
    assert abs(info.width - 256) <= 1
    assert (dvd.gray.shape, dvd.rgb().shape) == ((144, info.width), (144, info.width, 3))
    assert dvd.chroma.shape == (2, 72, -(-info.width // 2))
    assert dvd.size == (info.width, 144)
    boxes = []
    for frame in (web, dvd):
        red = frame.rgb()[..., 1] < 140
        columns, rows = np.flatnonzero(red.any(axis=0)), np.flatnonzero(red.any(axis=1))
        boxes.append((columns[0], rows[0], columns[-1] - columns[0], rows[-1] - rows[0]))
        part = (columns[0], rows[0], int(boxes[-1][2]), int(boxes[-1][3]))
        x, y, w, h = (int(v) for v in part)
        np.testing.assert_array_equal(frame.rgb((x, y, w, h)), frame.rgb()[y : y + h, x : x + w])
    assert np.abs(np.subtract(*boxes)).max() <= 2
    np.testing.assert_allclose(np.median(web.chroma, axis=(1, 2)), np.median(dvd.chroma, axis=(1, 2)), atol=18)
    assert "shown as" in info.note


@pytest.mark.parametrize(
    ("stated", "right"),
    [
        (None, 1),
        (Fraction(1), 1),
        (Fraction(359, 360), 1),
        (Fraction(4096, 4095), 1),
        (Fraction(16, 11), Fraction(16, 11)),
        (Fraction(8, 9), Fraction(8, 9)),
        (Fraction(1, 1000), 1),
        (Fraction(65535), 1),
        (Fraction(0), 1),
    ],
)
def test_pixels_that_are_nearly_square_or_impossible_count_as_square(stated: Fraction | None, right: Fraction) -> None:
    assert pixel_aspect(stated) == right


# --- headers that lie


def edited(path: Path, box: bytes, offset: int, *values: int) -> Path:
    """A copy of an MP4 with 32-bit values at an offset behind a box's name."""
    content = bytearray(path.read_bytes())
    struct.pack_into(f">{len(values)}I", content, content.index(box) + 4 + offset, *values)
    target = path.with_name(f"edited-{box.decode()}-{values[0]:x}.mp4")
    target.write_bytes(content)
    return target


@pytest.mark.parametrize(
    ("box", "offset", "value"),
    [
        (b"mdhd", 12, 0),  # the time scale
        (b"stts", 12, 0),  # how long a sample lasts
        (b"stts", 12, 1),
        (b"stts", 12, 100_000),
        (b"stts", 12, 0x7FFFFFFF),
        (b"stts", 12, 0x80000000),
        (b"stts", 12, 0xFFFFFE00),
        (b"stts", 8, 1),  # how many samples last so long
        (b"stsz", 8, 12),  # how many samples there are
    ],
)
def test_an_mp4_whose_headers_hide_frames_is_a_problem(tmp_path: Path, box: bytes, offset: int, value: int) -> None:
    path = edited(write_video(tmp_path / "a.mp4", scene(1, 24, (320, 180)), options={"g": "12"}), box, offset, value)
    info = probe(path)
    assert "its index lists 24 frames" in info.problem
    assert "wrong times" in info.problem
    assert not info.seekable


def test_a_film_that_an_edit_list_trims_is_sound_and_said(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mp4", scene(1, 24, (320, 180)), options={"g": "12"})
    content = whole.read_bytes()
    start = content.index(b"elst")
    assert struct.unpack(">I", content[start + 8 : start + 12]) == (1,)
    half = edited(whole, b"elst", 8, 500)
    info = probe(half)
    assert info.problem == ""
    assert 8 <= info.frames <= 12
    assert f"its index lists 24 frames and {info.frames} are shown: its edit list hides the others" in info.note


def test_times_that_cannot_be_true(tmp_path: Path) -> None:
    slow = write_video(tmp_path / "a.mkv", scene(1, 4), pts=[0, 1000, 2000, 400_000_000])
    assert "its times cannot be true" in probe(slow).problem


# --- other files through a text


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2.0,\n{film}\n#EXT-X-ENDLIST\n",
    "film.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2.0,\nfile://{film}\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile {film}\n",
    "missing.ffconcat": "ffconcat version 1.0\nfile {film}\nfile gone.mp4\n",
    "list.mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S"><Period><AdaptationSet><Representation id="1" bandwidth="1">'
    "<BaseURL>{film}</BaseURL><SegmentBase/></Representation></AdaptationSet></Period></MPD>\n",
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_text_that_names_other_files_is_no_video(tmp_path: Path, name: str) -> None:
    film = write_video(tmp_path / "secret.ts", scene(1, 24))
    path = tmp_path / "episodes" / name
    path.parent.mkdir()
    path.write_text(PLAYLISTS[name].format(film=film), encoding="utf-8")
    info = probe(path)
    assert info.frames == 0
    assert "a playlist (" in info.problem
    assert "http(s)" in info.problem
    with pytest.raises(InputError, match="playlist"):
        next(decode_frames(path))


def test_names_of_files_are_no_patterns_and_no_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    film = write_video(tmp_path / "film.mp4", scene(1, 24))
    for index in range(24):
        (tmp_path / f"f{index:02}.png").write_bytes(cv2.imencode(".png", scene(1, 1)[0])[1].tobytes())
    (tmp_path / "f%02d.png").write_bytes(b"not a picture")
    assert "not a video" in probe(Path("f%02d.png")).problem
    for name in ("concat:film.mp4", "pipe:0", "http:", "a|b.mp4", "100%d.mp4", "file:film.mp4"):
        shutil.copyfile(film, name)
        info = probe(Path(name))
        assert (info.frames, info.problem) == (24, ""), name


# --- faults that cost one row


def test_real_cases_that_are_sound(cases: Path) -> None:
    found = {name: case(cases, name).frames for name in ("clock_wrap.ts", "joined_segments.mp4")}
    assert found == {"clock_wrap.ts": 96, "joined_segments.mp4": 288}
    assert {case(cases, f"latin1_title.{end}").frames for end in ("avi", "mp4")} == {24}


def test_a_real_case_without_a_codec(cases: Path) -> None:
    assert "in a codec that FFmpeg does not know" in probe(cases / "video" / "stream_without_codec.wmv").problem


@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.mp4"])
def test_metadata_in_latin_1(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with av.open(path, "w") as container:
        container.metadata["title"] = "Pok_mon"
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for picture in scene(1, 12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    content = path.read_bytes()
    assert b"Pok_mon" in content
    path.write_bytes(content.replace(b"Pok_mon", b"Pok\xe9mon"))
    info = probe(path)
    assert (info.frames, info.problem) == (12, "")
    assert len(list(decode_frames(path))) == 12


def test_an_unknown_codec(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", scene(1, 12), codec="mpeg4")
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/ASP", b"V_NOBODY/KNOWS/"))
    assert "in a codec that FFmpeg does not know" in probe(path).problem


def transport_packets(path: Path) -> list[bytes]:
    content = path.read_bytes()
    return [content[i : i + 188] for i in range(0, len(content), 188)]


def test_segments_whose_counters_restart_are_whole_and_a_lost_part_is_not(tmp_path: Path) -> None:
    dice = np.random.default_rng(1)
    noisy = [np.clip(p.astype(int) + dice.integers(-20, 20, p.shape), 0, 255).astype(np.uint8) for p in scene(1, 48)]
    first = write_video(tmp_path / "a.ts", noisy[:24])
    second = write_video(tmp_path / "b.ts", noisy[24:], container_options={"output_ts_offset": "1"})
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    info = probe(joined)
    assert (info.frames, info.problem) == (48, "")
    packets = transport_packets(joined)
    lost = tmp_path / "lost.ts"
    lost.write_bytes(b"".join(packets[:60] + packets[70:]))
    assert "damaged" in probe(lost).problem


@pytest.mark.parametrize("name", ["a.ts", "a.vob"])
def test_a_clock_that_wraps(tmp_path: Path, name: str) -> None:
    """Program clocks have 33 bits at 90 kHz: after 26.5 hours they begin again at 0."""
    shift = {"output_ts_offset": f"{2**33 / 90_000 - 2:.3f}"}
    path = write_video(tmp_path / name, scene(1, 96), codec="mpeg2video", container_options=shift)
    info = probe(path)
    assert (info.frames, info.problem, info.variable_rate) == (96, "", False)


@pytest.mark.parametrize("name", ["a.ts", "a.vob"])
def test_recordings_joined_end_to_end_are_whole(tmp_path: Path, name: str) -> None:
    parts = [write_video(tmp_path / f"{i}{name}", scene(i, 60), codec="mpeg2video").read_bytes() for i in range(2)]
    path = tmp_path / name
    path.write_bytes(b"".join(parts))
    info = probe(path)
    assert (info.frames, info.problem, info.seekable) == (120, "", False)
