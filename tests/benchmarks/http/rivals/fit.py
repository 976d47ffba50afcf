"""In a rival's environment: scikit-learn's Gaussian process on the champion's rows, stored.

fit.py ROWS.npz FOLDER SERVER. MLflow's is stored as its documentation does, with the signature of
a table, and bare, which is its quickest way.
"""

import shutil
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel

rows, folder, server = np.load(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
# How long the scales are changes nothing about how long a prediction takes.
model = GaussianProcessRegressor(RBF(3.0) + WhiteKernel(0.1), optimizer=None, normalize_y=True)
model.fit(rows["x"], rows["y"])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
if server.startswith("mlflow"):
    import mlflow.sklearn
    import pandas as pd
    from mlflow.models import infer_signature

    table = pd.DataFrame(rows["x"]).rename(columns="x{}".format)
    signature = infer_signature(table, model.predict(rows["x"]))
    mlflow.sklearn.save_model(
        model,
        folder / "model",
        signature=signature if server == "mlflow" else None,
        serialization_format="cloudpickle",
    )
else:
    joblib.dump(model, folder / "model.joblib")
