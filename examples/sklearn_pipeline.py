"""A pipeline of scikit-learn with a Classifier in it: searched, calibrated and explained."""

from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

import handstitch as hs

X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
network = hs.Classifier(hidden_sizes=(64,), epochs=20, batch_size=32, dropout=0)
pipeline = Pipeline([("scale", MinMaxScaler()), ("network", network)])

search = GridSearchCV(pipeline, {"network__learning_rate": [0.0005, 0.005]}, cv=3).fit(X, y)
print(f"best {search.best_params_}, test accuracy {search.score(X_test, y_test):.4f}")

calibrated = CalibratedClassifierCV(search.best_estimator_, cv=3).fit(X, y)
print(f"calibrated: test accuracy {calibrated.score(X_test, y_test):.4f}")

found = permutation_importance(search.best_estimator_, X_test, y_test, n_repeats=3, random_state=0)
pixel = int(found.importances_mean.argmax())
print(f"most important pixel: row {pixel // 8}, column {pixel % 8}")
