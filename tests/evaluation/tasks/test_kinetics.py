"""Lists of spans, and the files that people have of them."""

import pytest

from layerlock import evaluation
from tests.evaluation import layouts
from tests.evaluation.test_layouts import shown_numbers

pytest.importorskip("av")
SPLITS = ("train", "validation", "test")


def build(path, **arguments):
    given = {"frames": 4, "size": 16, "cache": False} | arguments
    return evaluation.get("kinetics", data=path, **given)


def said(task):
    return " ".join(task.problems)


def lists(path, **rows):
    """Writes lists; a row is an ID, a first and a last second."""
    for split, spans in rows.items():
        path.mkdir(exist_ok=True)
        layouts.write_csv(
            path / f"{split}.csv",
            [
                {
                    "label": ("archery", "baking")[n % 2],
                    "youtube_id": name,
                    "time_start": start,
                    "time_end": end,
                }
                for n, (name, start, end) in enumerate(spans)
            ],
        )
    return path


def spans(task):
    """The spans that are read, by the name of the file."""
    return {
        task.relative(video.path): video.span
        for split in SPLITS
        for video, _ in task.splits[split]
    }


def test_a_file_named_by_its_video_may_be_the_clip_already(tmp_path):
    path = lists(
        tmp_path / "data",
        train=[("whole", 2, 4), ("clip", 20, 22), ("begin", 0, 2)],
        validate=[("long", 20.0, 22.0), ("cut", 3, 5)],
    )
    layouts.write(path / "whole.mp4", count=40)  # 4 seconds
    layouts.write(path / "clip.mp4", count=20)
    layouts.write(path / "begin.mp4", count=20)
    layouts.write(path / "long.mp4", count=21)
    layouts.write(path / "cut.mp4", count=45)  # its end is missing

    task = build(path)

    found = spans(task)
    assert found["whole.mp4"] == (2.0, 4.0)
    assert found["clip.mp4"] is None
    assert found["begin.mp4"] in (None, (0.0, 2.0))  # the same
    assert found["long.mp4"] is None
    assert found["cut.mp4"] == (3.0, 5.0)
    assert task.problems == []
    views, _ = task.examples("test")[0]
    assert views.shape[1:] == (4, 16, 16, 3)


def test_a_broken_video_is_replaced_by_the_file_of_its_name(tmp_path):
    path = layouts.kinetics(tmp_path / "data")
    names = sorted((path / "train" / "archery").glob("*_000001_000003.mp4"))
    (path / "replacement" / "of_k400").mkdir(parents=True)
    for name in names:
        layouts.write(path / "replacement" / "of_k400" / name.name, count=20)
    names[0].write_bytes(b"broken")

    task = build(path)

    found = spans(task)
    assert len(found) == 10
    for name in names:
        assert f"replacement/of_k400/{name.name}" in found
        assert f"train/archery/{name.name}" not in found
    assert f"{len(names)} videos have the name of another, which is read" in (
        said(task)
    )


def test_of_two_files_of_a_name_the_readable_one_is_read(tmp_path):
    path = layouts.kinetics(tmp_path / "data")
    name = next((path / "train" / "archery").glob("*_000001_000003.mp4")).name
    (path / "a_broken_one").mkdir()
    (path / "a_broken_one" / name).write_bytes(b"broken")

    task = build(path)

    assert f"train/archery/{name}" in spans(task)
    assert f"which is read instead: a_broken_one/{name}." in said(task)


def test_the_whole_video_is_read_where_its_span_is_broken(tmp_path):
    path = layouts.kinetics(tmp_path / "data")
    name = next((path / "train" / "archery").glob("*_000001_000003.mp4"))
    name.write_bytes(b"broken")
    whole = f"{name.stem.removesuffix('_000001_000003')}.mp4"
    layouts.write(path / whole, count=40)

    task = build(path)

    assert spans(task)[whole] == (1.0, 3.0)
    assert f"the whole one is read: train/archery/{name.name}." in said(task)


def test_a_broken_span_may_be_listed_twice(tmp_path):
    path = layouts.kinetics(tmp_path / "data")
    name = next((path / "train" / "archery").glob("*_000001_000003.mp4"))
    name.write_bytes(b"broken")
    whole = f"{name.stem.removesuffix('_000001_000003')}.mp4"
    layouts.write(path / whole, count=40)
    table = path / "train.csv"
    rows = table.read_text().splitlines(keepends=True)
    video = name.stem.removesuffix("_000001_000003")
    [row] = [one for one in rows if f"{video},1,3" in one]
    table.write_text("".join([*rows, row]))

    task = build(path)

    assert spans(task)[whole] == (1.0, 3.0)


def test_spans_of_one_video_are_of_one_split_and_count_as_one(tmp_path):
    rows = [
        (f"video{n}", start, start + 2) for n in range(8) for start in (1, 5)
    ]
    path = lists(
        tmp_path / "data",
        train=rows,
        validate=[("test1", 1, 3), ("test2", 1, 3)],
    )
    for name, start, end in (*rows, ("test1", 1, 3), ("test2", 1, 3)):
        file = path / f"{name}_{start:06d}_{end:06d}.mp4"
        layouts.write(file, count=20)

    task = build(path)

    train, validation = (
        {video.path[-24:-18] for video, _ in task.splits[split]}
        for split in ("train", "validation")
    )
    assert not train & validation
    assert [len(task.splits[split]) for split in SPLITS] == [14, 2, 2]
    examples = task.examples("validation")
    assert examples.group(0) == examples.group(1)


def test_a_video_of_both_lists_is_left_out_of_the_training(tmp_path):
    path = layouts.kinetics(tmp_path / "data")
    rows = (path / "train.csv").read_text().splitlines()
    rows.append("archery,va-_00000002,7,9,train")
    (path / "train.csv").write_text("\n".join(rows))
    file = path / "train" / "archery" / "va-_00000002_000007_000009.mp4"
    layouts.write(file, count=20)

    task = build(path)

    assert (
        "1 videos of the train split are of one file, one video or one group "
        "with some of the test split, and are left out of the train split: "
        "train/archery/va-_00000002_000007_000009.mp4." in said(task)
    )
    assert len(task.examples("test")) == 4


def test_a_list_in_utf_16_is_read(tmp_path):
    path = layouts.kinetics(tmp_path / "data")
    text = (path / "train.csv").read_text()
    (path / "train.csv").write_text(text, encoding="utf-16")

    assert build(path).problems == []


@pytest.mark.parametrize(
    "row", ["archery,x,,", "archery,x,1", ",x,1,2", "archery,x,nan,2"]
)
def test_a_line_without_its_times_is_named(tmp_path, row):
    path = layouts.kinetics(tmp_path / "data")
    (path / "train.csv").write_text(
        f"label,youtube_id,time_start,time_end\na,b,1,3\n{row}\n"
    )

    with pytest.raises(ValueError, match="Line 3 of .*train.csv.*correct the"):
        build(path)


def test_links_in_circles_end(tmp_path):
    path = layouts.kinetics(tmp_path / "data")
    (path / "train" / "again").symlink_to(path)
    (path / "all").symlink_to(path / "train")

    assert build(path).problems == []


def test_of_a_span_frames_are_spread_over_it_alone(tmp_path):
    path = layouts.kinetics(tmp_path / "data")
    task = build(path, size=48, sampling="whole", test_crops=1)

    spans = [video.span for video, _ in task.splits["test"]]
    first, second = task.examples("test")[spans.index((1.0, 3.0))][0]

    # Ten frames a second: the span has the frames from 10 to 29.
    assert shown_numbers(first) == [10, 15, 20, 25]
    assert shown_numbers(second) == [12, 17, 22, 27]
    assert build(path).framing.sampling == "rate"
