"""In a rival's environment: FastAPI and scikit-learn, mean and standard deviation.

On the event loop, which is the fastest way for a quick prediction, and in a thread, which is what
FastAPI's documentation advises for work that blocks.
"""

import os

import joblib
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load(os.environ["MODEL"])
app = FastAPI()


class Question(BaseModel):
    features: list[float]


class Answer(BaseModel):
    mean: float
    std: float


def _answer(question: Question) -> Answer:
    mean, std = model.predict(np.array([question.features]), return_std=True)
    return Answer(mean=float(mean[0]), std=float(std[0]))


@app.post("/predict")
async def predict(question: Question) -> Answer:
    return _answer(question)


@app.post("/predict-thread")
def predict_in_thread(question: Question) -> Answer:
    return _answer(question)


@app.get("/ready")
async def ready() -> dict[str, bool]:
    return {"ready": True}
