"""In a rival's environment: scikit-learn's Gaussian process on the champion's rows, stored.

fit.py ROWS.npz FOLDER KIND, where KIND is joblib or mlflow.
"""

import shutil
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel

rows, folder, kind = np.load(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
# How long the scales are changes nothing about how long a prediction takes.
model = GaussianProcessRegressor(RBF(3.0) + WhiteKernel(0.1), optimizer=None, normalize_y=True)
model.fit(rows["x"], rows["y"])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
if kind == "mlflow":
    import mlflow.sklearn

    mlflow.sklearn.save_model(model, folder / "model", serialization_format="cloudpickle")
else:
    joblib.dump(model, folder / "model.joblib")
