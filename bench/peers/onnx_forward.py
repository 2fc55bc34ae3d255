"""onnxruntime's forward pass."""

from __future__ import annotations

import os
from collections.abc import Callable

import onnx
import onnxruntime
from forward import inputs, measure
from job import initial
from onnx import TensorProto, helper, numpy_helper


def main() -> None:
    """The network as Gemm and Relu nodes."""
    nodes, constants, name = [], [], "x"
    layers = initial()
    for number, (W, b) in enumerate(layers):
        constants += [
            numpy_helper.from_array(W, f"W{number}"),
            numpy_helper.from_array(b, f"b{number}"),
        ]
        nodes.append(helper.make_node("Gemm", [name, f"W{number}", f"b{number}"], [f"z{number}"]))
        name = f"z{number}"
        if number < len(layers) - 1:
            nodes.append(helper.make_node("Relu", [name], [f"a{number}"]))
            name = f"a{number}"
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 784])
    y = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 10])
    graph = helper.make_graph(nodes, "network", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def forward(images: int) -> Callable[[], object]:
        fed = {"x": inputs(images)}
        return lambda: session.run(None, fed)

    measure("onnxruntime", forward)


if __name__ == "__main__":
    main()
