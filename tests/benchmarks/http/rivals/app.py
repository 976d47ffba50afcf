"""In a rival's environment: FastAPI and scikit-learn, mean and standard deviation.

The prediction is made on the event loop, which is FastAPI's fastest way for a quick one.
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


@app.post("/predict")
async def predict(question: Question) -> Answer:
    mean, std = model.predict(np.array([question.features]), return_std=True)
    return Answer(mean=float(mean[0]), std=float(std[0]))


@app.get("/ready")
async def ready() -> dict[str, bool]:
    return {"ready": True}
