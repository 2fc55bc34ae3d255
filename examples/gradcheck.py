"""Check back-propagation against the complex step, for a network and loss of your choice."""

from handstitch.gradcheck import Problem, check

problem = Problem(
    sizes=(20, 15, 10, 5), activations=("tanh", "elu"), dropout=0.3, weight_decay=0.01
)
verdict = check(problem)
print(f"{verdict.checked} derivatives compared, worst relative error {verdict.worst:.1e}")
print("agrees" if verdict.passed else "DIFFERS")
