"""The example ``mnist`` of pytorch/examples, written from its documentation, up to a test accuracy.

Two convolutions of 32 and 64 maps, dropout, Adadelta at rate 1 times 0.7 after each of 14 epochs, batches of 64 by a
DataLoader without workers and, on a CPU, in the files' order; its log of every tenth batch goes to stderr. It is tested
after every epoch, and stops once ``--target`` of the test images are right (the example itself goes on).
"""

import argparse
import json
import sys
import time

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader

from lenext.weights.adapters.operators import declare_operators

declare_operators()
from torchvision import datasets, transforms  # noqa: E402


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3, 1), nn.Conv2d(32, 64, 3, 1)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = torch.flatten(self.dropout1(F.max_pool2d(x, 2)), 1)
        x = self.dropout2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def train(model: nn.Module, loader: DataLoader, optimizer: optim.Optimizer, epoch: int) -> None:
    model.train()
    for number, (data, target) in enumerate(loader):
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        if number % 10 == 0:
            print(f"Train Epoch: {epoch} [{number * len(data)}/{len(loader.dataset)}]\tLoss: {loss.item():.6f}",
                  file=sys.stderr)  # fmt: skip


def test(model: nn.Module, loader: DataLoader) -> float:
    model.eval()
    correct = 0
    with torch.no_grad():
        for data, target in loader:
            correct += int((model(data).argmax(1) == target).sum())
    return correct / len(loader.dataset)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("root", help="the folder that holds MNIST/raw/")
    words.add_argument("--target", type=float, default=0.99)
    words.add_argument("--epochs", type=int, default=14)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--threads", type=int)
    words.add_argument("--started", type=float, required=True, help="time.time() before this process")
    asked = words.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    torch.manual_seed(asked.seed)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    trained = DataLoader(datasets.MNIST(asked.root, train=True, transform=transform), batch_size=64)
    tested = DataLoader(datasets.MNIST(asked.root, train=False, transform=transform), batch_size=1000)
    model = Net()
    optimizer = optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    curve = []
    for epoch in range(1, asked.epochs + 1):
        train(model, trained, optimizer, epoch)
        curve.append({"epoch": epoch, "top1": test(model, tested), "seconds": time.time() - asked.started,
                      "cpu": time.process_time()})  # fmt: skip
        print(curve[-1], file=sys.stderr)
        if curve[-1]["top1"] >= asked.target:
            break
        scheduler.step()
    print(json.dumps({"curve": curve, "reached": curve[-1]["top1"] >= asked.target}))


if __name__ == "__main__":
    main()
