"""LayerLock's own format, with what continued training needs."""

from layerlock.models import LatentPredictor, VideoEncoder, stored_predictor
from tests.models import networks
from tests.models.exports import written


def test_student_and_predictor_lie_beside_the_encoder(tmp_path):
    encoder, student = written.encoder(), written.encoder(name="other")
    student.blocks[0].attention_norm[0].assign(
        student.blocks[0].attention_norm[0] + 1
    )
    predictor = LatentPredictor(24, 384, 1, 2, 24, name="predictor")
    networks.randomise(predictor)

    written.write(
        "layerlock",
        tmp_path / "out",
        encoder,
        student=student,
        predictor=predictor,
    )

    for path, expected in (("", encoder), ("student", student)):
        found = VideoEncoder.from_preset(tmp_path / "out" / path)
        written.assert_same_weights(expected, found)
    found = stored_predictor.load(tmp_path / "out")
    written.assert_same_weights(predictor, found)
