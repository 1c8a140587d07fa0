"""What `dl serve` is measured against: the least that answers with the same session for pictures decoded in the same way."""

import sys
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI, UploadFile

from dl_assets.operations.predict import open_model

app = FastAPI()
exported = open_model(Path(sys.argv[1]), "")


@app.post("/predict")
def predict(files: list[UploadFile]) -> list[dict[str, object]]:
    arrays = [exported.inputs.clean(file.file.read(), **exported.decoding)[0] for file in files]
    answers = exported.ask({exported.asked["name"]: np.stack(arrays)})
    classes = exported.fitted["classes"]
    return [{"prediction": classes[answer.argmax()], "confidence": float(answer.max())} for answer in answers]


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
