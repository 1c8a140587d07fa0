"""What /openapi.json says of POST /predict and POST /feedback."""

from typing import Any

TOP = 3  # classes of an answer, the likeliest first
_ID = "019f1d3c0b8e7a49a6b5c4d3e2f1a0b9"
_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="

PREDICT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "images": {"type": "array", "items": {"type": "string", "format": "byte"}},
                        "rows": {"type": "array", "items": {"type": "object"}},
                    },
                },
                "examples": {
                    "pictures": {"value": {"images": [_PICTURE]}},
                    "rows of a table": {"value": {"rows": [{"age": 42, "sex": "female", "cabin": None}]}},
                },
            },
        },
    },
    "parameters": [
        {
            "name": "top",
            "in": "query",
            "description": "how many classes an answer names, the likeliest first",
            "schema": {"type": "integer", "minimum": 1, "default": TOP},
        }
    ],
}

_ANSWER = {
    "model": {"version": "0f3c5a7b9d1e", "sha256": "0f3c5a7b9d1e...", "promoted": "2026-05-04T03:00:12.345+00:00"},
    "predictions": [
        {
            "id": _ID,
            "file": "cat.jpg",
            "prediction": "cat",
            "confidence": 0.97,
            "top": [{"class": "cat", "probability": 0.97}, {"class": "dog", "probability": 0.03}],
        },
        {"file": "letter.pdf", "error": "unreadable: no picture"},
    ],
}

_REFUSED = {
    400: "The body cannot be read",
    401: "The key is missing or wrong",
    408: "The request did not arrive in time",
    413: "Too large, or too many inputs",
    415: "Another content type is needed",
}


def _answers(described: str, example: dict[str, Any], more: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": described, "content": {"application/json": {"example": example}}},
        **{
            status: {"description": description, "content": {"application/json": {"example": {"error": "..."}}}}
            for status, description in {**_REFUSED, **more}.items()
        },
    }


PREDICT_ANSWERS = _answers(
    "An entry for each input, in their order; one that cannot be read says so and spoils no other",
    _ANSWER,
    {
        422: "No input can be answered",
        503: "Too many inputs wait; ask again after Retry-After",
        504: "There was no answer in time",
    },
)

_FIELDS = {
    "id": {"type": "string", "description": "of the prediction"},
    "target": {"type": ["string", "number"], "description": "what it should have been; several labels as `cat|dog`"},
}

TELL: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["feedback"],
                    "properties": {
                        "feedback": {
                            "type": "array",
                            "items": {"type": "object", "required": ["id", "target"], "properties": _FIELDS},
                        }
                    },
                },
                "example": {"feedback": [{"id": _ID, "target": "dog"}]},
            }
        },
    }
}

TELL_ANSWERS = _answers(
    "An entry for each, in their order; one that cannot be taken says why and spoils no other. What is told later counts",
    {
        "feedback": [
            {"id": _ID, "outcome": "taken"},
            {"id": "...", "error": "it comes with an id that no logged prediction has"},
        ]
    },
    {422: "Nothing was taken", 503: "It cannot be written; ask again after Retry-After"},
)
