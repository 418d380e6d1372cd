import cascades


def test_public_names_are_pinned() -> None:
    assert cascades.__all__ == [
        "AnnotatedImage", "Box", "Cascade", "CascadeError", "CascadeInfo", "CheckpointMismatch", "Detections",
        "Detector", "InvalidCascadeXml", "InvalidParameter", "RejectedBox", "Roc", "StageReport", "TrainingDataError",
        "TrainingParams", "TrainingResult", "Windows", "chroma_of", "evaluate", "train",
    ]  # fmt: skip
    assert all(hasattr(cascades, name) for name in cascades.__all__)
