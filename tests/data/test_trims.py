import pytest

from layerlock.data import trims


def read(tmp_path, text):
    place = tmp_path / "trims.csv"
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [tuple(trim[:3]) for trim in trims.read(place)]


ROWS = [("a.mp4", 0.5, 2.0), ("b c.mp4", 62.5, 3661.0)]


@pytest.mark.parametrize(
    "text",
    [
        "a.mp4,0.5,2\nb c.mp4,62.5,3661\n",
        "path,first,last\r\na.mp4,0.5,2\r\nb c.mp4,62.5,3661",
        "a.mp4;0,5;2\nb c.mp4;62,5;3661",
        "\n\na.mp4\t0.5\t2\nb c.mp4\t62.5\t3661\n\n",
        "video;t_start;t_end\na.mp4;0.5;2\nb c.mp4;00:01:02.5;1:01:01\n",
        "a.mp4,0:00.5,0:02\n'b c.mp4',1:02.5,01:01:01\n".replace("'", '"'),
        "\ufeffa.mp4, 0.5, 2\nb c.mp4 ,62.5,3661\n",
        "a.mp4,0.5,2\nb c.mp4,62.5,3661\n".encode("utf-16"),
    ],
)
def test_rows_are_read_in_every_form(tmp_path, text):
    assert read(tmp_path, text) == ROWS


def test_a_first_row_of_data_is_no_row_of_names(tmp_path):
    assert len(read(tmp_path, "a,0:01,0:05\nb,1,2")) == 2
    with pytest.raises(ValueError, match="line 1 of .*Received: a.mp4,x,y"):
        read(tmp_path, "a.mp4,x,y\nb.mp4,1,2\n")
    with pytest.raises(ValueError, match="line 1 of .*Received: clip,1s,2s"):
        read(tmp_path, "clip,1s,2s\nb.mp4,1,2\n")


def test_a_path_may_have_commas(tmp_path):
    assert read(tmp_path, 'a, b.mp4,1,2\n"c, d.mp4",1,2\n') == [
        ("a, b.mp4", 1.0, 2.0),
        ("c, d.mp4", 1.0, 2.0),
    ]


@pytest.mark.parametrize(
    "text, message",
    [
        ("a.mp4,1,2\nb.mp4,1\n", "line 2 of .*trims.csv .*Received: b.mp4,1"),
        ("a.mp4,1,2\nb.mp4,1,nan\n", "line 2 of .*no path with two times"),
        ("a.mp4,1,2\n\nb.mp4,1,2,jump\n", "line 3 of .*Received: b.mp4,1,2,j"),
        ("path,first,last\n", "trims.csv has no row. Expected a path"),
        ('a.mp4,1,2\n"b.mp4,1,2\n', "cannot be read.*written as"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_with_a_cure(
    tmp_path, text, message
):
    with pytest.raises(ValueError, match=f"`trims`: .*{message}"):
        read(tmp_path, text)
