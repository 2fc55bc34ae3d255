"""Check back-propagation against the complex step, for a network and loss of your choice."""

from handstitch import Config
from handstitch.gradcheck import check

config = Config(hidden_sizes=(15, 10), activation=("tanh", "elu"), dropout=0.3, weight_decay=0.01)
verdict = check(config, inputs=20, classes=5)
print(f"{verdict.checked} derivatives compared, worst relative error {verdict.worst:.1e}")
print("agrees" if verdict.passed else "DIFFERS")
