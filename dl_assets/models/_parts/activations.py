"""The functions between the layers of a network, by the names that a pipeline file has for them."""

from typing import Literal

from torch import nn

ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}

Activation = Literal["relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "tanh", "sigmoid"]
