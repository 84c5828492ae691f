import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.classification.linear_heads import HeadTraining, LinearHeads, head_accuracies


def test_each_head_is_trained_as_if_alone():
    torch.manual_seed(0)
    batches = [(torch.randn(8, 5), torch.randint(0, 3, (8,))) for _ in range(4)]
    heads = LinearHeads(5, 3, 2, seed=1)
    alone = nn.Linear(5, 3)
    alone.load_state_dict(heads.layers[1].state_dict())
    assert torch.equal(heads.layers[0].weight, heads.layers[1].weight)
    training = HeadTraining(heads, (0.1, 0.4), batch=128, epochs=2)
    # 0.4 * 128/256 = 0.2 in the first epoch; the cosine halves it in the second of two.
    optimizer = torch.optim.SGD(alone.parameters(), lr=0.2, momentum=0.9)
    for number, (features, labels) in enumerate(batches):
        if number == 2:
            training.end_epoch()
            optimizer.param_groups[0]["lr"] = 0.1
        training.step(features, labels)
        optimizer.zero_grad()
        F.cross_entropy(alone(features), labels).backward()
        optimizer.step()
    torch.testing.assert_close(heads.layers[1].weight, alone.weight)
    torch.testing.assert_close(heads.layers[1].bias, alone.bias)
    assert not torch.allclose(heads.layers[0].weight, alone.weight)


def test_accuracies_by_hand():
    heads = LinearHeads(6, 6, 1, seed=0)
    heads.layers[0].weight.data = torch.eye(6)
    features = torch.tensor([[6.0, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6]])
    # the first is right; the second's class is the sixth best of six
    assert head_accuracies(heads, features, torch.tensor([0, 0])) == [{"top1": 50, "top5": 50}]
