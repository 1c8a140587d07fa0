"""The on-disk contracts between stages: the only reader and writer of those files."""

# Which folder of data/<pipeline>/ each stage writes, in the order of the chain.
ARTIFACT_OF_STAGE = {
    "ingest": "raw",
    "clean": "clean",
    "split": "parts",
    "augment": "augmented",
    "train": "model",
    "evaluate": "evaluation",
    "export": "exported",
}
STAGE_OF_ARTIFACT = {artifact: stage for stage, artifact in ARTIFACT_OF_STAGE.items()}
