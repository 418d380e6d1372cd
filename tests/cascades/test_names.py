import cascades


def test_public_names_are_pinned() -> None:
    assert cascades.__all__ == [
        "AnnotatedImage", "Box", "CalibrationMissing", "Cascade", "CascadeError", "CascadeInfo", "CheckpointMismatch",
        "Detections", "Detector", "InvalidCascadeXml", "InvalidParameter", "RejectedBox", "Roc", "StageReport",
        "TrainingDataError", "TrainingParams", "TrainingResult", "Windows", "calibrate", "choose_planes", "chroma_of",
        "evaluate", "operating_score", "probability", "train", "train_validated",
    ]  # fmt: skip
    assert all(hasattr(cascades, name) for name in cascades.__all__)
