"""A zoo of small models as people write them: images of 16 values in, scores of 4 classes out."""

import norse.torch as norse
import torch
from torch import nn

import chsnn
from chsnn import LIF

N_IN, N_CLASSES, STEPS = 16, 4, 12


def task(n=48):
    """Images in which each class lights a row of its own, and their labels."""
    labels = torch.arange(n) % N_CLASSES
    images = 0.4 * torch.rand(n, 4, 4, generator=torch.Generator().manual_seed(0))
    images[torch.arange(n), labels] += 0.6
    return images.view(n, N_IN), labels


class Norse(nn.Module):
    """Norse's own example, made small: SequentialState over time, spikes of images at random."""

    def __init__(self):
        super().__init__()
        self.encode = norse.ConstantCurrentLIFEncoder(STEPS)
        # A wide surrogate gradient, so that 50 steps are enough to learn something.
        p = norse.LIFParameters(alpha=torch.as_tensor(2.0), v_th=torch.as_tensor(0.4))
        self.net = norse.SequentialState(
            nn.Conv2d(1, 6, 3, 1, padding=1),
            norse.LIFCell(p),
            nn.MaxPool2d(2, 2),
            nn.Flatten(),
            nn.Linear(24, 40),
            norse.LIFCell(p),
            nn.Linear(40, 30, bias=False),
            norse.LIFCell(p),
            nn.Linear(30, N_CLASSES),
            norse.LICell(),
        )

    def forward(self, x):
        state, total = None, 0.0
        for step in self.encode(4 * x.view(-1, 1, 4, 4)):
            y, state = self.net(step, state)
            total = total + y
        return total


class Convolutional(nn.Module):
    """Convolution, pooling, flattening, linear layers."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(32, 40),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(40, 30),
            nn.ReLU(),
            nn.Linear(30, N_CLASSES),
        )

    def forward(self, x):
        return self.classifier(self.features(x.view(-1, 1, 4, 4)))


class Residual(nn.Module):
    """Linear blocks around which their input goes."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(N_IN, 30, bias=False)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(30, 24, bias=False), nn.ReLU(), nn.Linear(24, 30, bias=False))
            for _ in range(2)
        )
        self.head = nn.Linear(30, N_CLASSES)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        for block in self.blocks:
            x = torch.relu(x + block(x))
        return self.head(x)


class Recurrent(nn.Module):
    """Spiking: recurrent cells in a loop over time, fed by and feeding linear layers."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(N_IN, 30), nn.Linear(30, 24)
        self.head = nn.Linear(24, N_CLASSES)
        self.cell, self.out = norse.LIFRecurrentCell(30, 30), norse.LIFBoxCell()

    def forward(self, x):
        cell = out = None
        total = 0.0
        for _ in range(STEPS):
            z, cell = self.cell(self.first(x), cell)
            z, out = self.out(self.second(z), out)
            total = total + self.head(z)
        return total / STEPS


class PlainRecurrent(nn.Module):
    """torch's own recurrent cell, row by row of the image."""

    def __init__(self):
        super().__init__()
        self.read, self.cell = nn.Linear(4, 20), nn.RNNCell(20, 24)
        self.mix, self.head = nn.Linear(24, 24), nn.Linear(24, N_CLASSES)

    def forward(self, x):
        h = None
        for row in x.view(-1, 4, 4).unbind(1):
            h = self.cell(torch.relu(self.read(row)), h)
        return self.head(torch.relu(self.mix(h)))


class Encoder(nn.Module):
    """torch's own transformer layer, a token for each row of the image."""

    def __init__(self):
        super().__init__()
        self.embed, self.place = nn.Linear(4, 16), nn.Parameter(torch.randn(4, 16))
        self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.head = nn.Linear(16, N_CLASSES)

    def forward(self, x):
        x = self.embed(x.view(-1, 4, 4)) + self.place
        return self.head(self.block(x).mean(dim=1))


class Attention(nn.Module):
    """A transformer block by hand."""

    def __init__(self):
        super().__init__()
        self.embed, self.place = nn.Linear(4, 16), nn.Parameter(torch.zeros(4, 16))
        self.qkv, self.project = nn.Linear(16, 48, bias=False), nn.Linear(16, 16)
        self.up, self.down = nn.Linear(16, 32), nn.Linear(32, 16)
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.head = nn.Linear(16, N_CLASSES)

    def forward(self, x):
        x = self.embed(x.view(-1, 4, 4)) + self.place
        q, k, v = self.qkv(self.norm1(x)).chunk(3, dim=-1)
        weight = (q @ k.transpose(-1, -2) / 4).softmax(dim=-1)
        x = x + self.project(weight @ v)
        x = x + self.down(nn.functional.gelu(self.up(self.norm2(x))))
        return self.head(x.mean(dim=1))


def spiking_mlp(seed=0):
    return chsnn.networks.mlp(
        (N_IN, 40, 30, N_CLASSES),
        sparsity=0.7,
        encoding="even",
        timesteps=STEPS,
        neuron=LIF(v_th=0.4),
        seed=seed,
    )


# How a model is built dense, and whether its layers read spikes.
ZOO = {
    "norse": Norse,
    "conv": Convolutional,
    "residual": Residual,
    "recurrent": Recurrent,
    "rnn": PlainRecurrent,
    "encoder layer": Encoder,
    "attention": Attention,
}
