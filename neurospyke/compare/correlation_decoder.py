"""The correlation decoder, in scikit-learn's form; imported only where something is decoded."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class CorrelationDecoder(ClassifierMixin, BaseEstimator):
    """Names the class whose mean training pattern correlates best with a trial.

    k(x) = argmax_k r(x, m_k), r Pearson's correlation over units and m_k the mean of class k. A
    pattern without variance correlates 0 with all; ties go to the first class.

    Attributes:
        classes_: (class,) labels.
        templates_: (class, unit) mean patterns, centred and of length 1.

    Source: Meyers, Freedman, Kreiman, Miller and Poggio 2008, J Neurophysiology 100:1407.

    >>> decoder = CorrelationDecoder().fit(np.array([[1, 2, 3], [3, 2, 1]]), ["up", "down"])
    >>> decoder.predict(np.array([[10, 20, 40], [5, 1, 0]]))
    array(['up', 'down'], dtype='<U4')
    """

    def fit(self, patterns: np.ndarray, labels: np.ndarray) -> Self:
        """Keep the mean pattern of every class.

        Args:
            patterns: (trial, unit) numbers.
            labels: (trial,) classes.

        Returns:
            The decoder.
        """
        self.classes_, codes = np.unique(np.asarray(labels), return_inverse=True)
        members = codes == np.arange(len(self.classes_))[:, None]
        means = members @ np.asarray(patterns, dtype=np.float64) / members.sum(axis=1)[:, None]
        means -= means.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        self.templates_ = np.divide(means, lengths, out=np.zeros_like(means), where=lengths > 0)
        return self

    def predict(self, patterns: np.ndarray) -> np.ndarray:
        """Class of each trial.

        Args:
            patterns: (trial, unit) numbers.

        Returns:
            (trial,) labels.
        """
        # Templates sum to zero, and the length of a trial is the same for all classes.
        return self.classes_[np.argmax(np.asarray(patterns) @ self.templates_.T, axis=1)]
