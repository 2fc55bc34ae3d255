"""What scikit-learn asks of an estimator in its own types; the one module that imports it.

Only where a program has imported it already: nothing here makes it a requirement.
"""

from __future__ import annotations

import sys
from typing import Any

from handstitch.errors import UsageError


def is_loaded() -> bool:
    """Whether this program uses scikit-learn."""
    return "sklearn.base" in sys.modules


def tags() -> Any:
    """The tags of a classifier of features or images, dense and without gaps."""
    from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

    return Tags(
        estimator_type="classifier",
        target_tags=TargetTags(required=True),
        classifier_tags=ClassifierTags(),
        input_tags=InputTags(three_d_array=True),
    )


def html(estimator: Any) -> str:
    """The diagram that a notebook shows."""
    from sklearn.utils import estimator_html_repr

    return str(estimator_html_repr(estimator))


def not_fitted(error: UsageError) -> UsageError:
    """The error, which is scikit-learn's NotFittedError too."""
    from sklearn.exceptions import NotFittedError

    class NotTrainedError(UsageError, NotFittedError):  # type: ignore[misc]  # it ships no types
        """A classifier asked before `fit`."""

    return NotTrainedError(error.problem, found=error.found, wanted=error.wanted, fix=error.fix)


def column_warning() -> type[Warning]:
    """The category of a warning about labels (n, 1)."""
    from sklearn.exceptions import DataConversionWarning

    category: type[Warning] = DataConversionWarning
    return category
