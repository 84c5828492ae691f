import torch
import torch.nn.functional as F

from vos.backbones.networks.cpu_attention import blocked_attention, serves
from vos.backbones.networks.vit import VisionTransformer


def test_equals_plain_attention_to_the_rounding_of_16_bits():
    generator = torch.Generator().manual_seed(0)
    qkv = torch.randn(2, 300, 3 * 2 * 32, generator=generator).to(torch.bfloat16)
    query, key, value = qkv.float().view(2, 300, 3, 2, 32).permute(2, 0, 3, 1, 4)
    plain = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(2, 300, 64)
    ours = blocked_attention(qkv, num_heads=2, scale=32**-0.5)
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours.float(), plain, atol=0.01, rtol=0.02)


def test_a_common_part_of_all_keys_changes_nothing():
    qkv = torch.randn(1, 200, 3 * 64, generator=torch.Generator().manual_seed(1))
    shifted = qkv.clone()
    shifted[..., 64:128] += 8.0  # as exact in 16 bits as the keys themselves are not
    ours = blocked_attention(qkv.to(torch.bfloat16), num_heads=1, scale=0.125)
    moved = blocked_attention(shifted.to(torch.bfloat16), num_heads=1, scale=0.125)
    torch.testing.assert_close(ours.float(), moved.float(), atol=0.05, rtol=0.05)


def test_serves_16_bits_without_gradients_on_a_cpu_alone():
    x = torch.zeros(1, 4, 8)
    with torch.no_grad():
        assert serves(x.to(torch.bfloat16))
        assert not serves(x)
    assert not serves(x.to(torch.bfloat16))


def test_a_vit_in_16_bits_stays_near_float32():
    torch.manual_seed(2)
    network = VisionTransformer(16, 128, 3, 2).eval()
    images = torch.randn(1, 3, 96, 160)
    with torch.inference_mode():
        (exact,) = network.layers(images)
        (rounded,) = network.to(torch.bfloat16).layers(images.to(torch.bfloat16))
    assert F.cosine_similarity(exact, rounded.float(), dim=-1).min() > 0.999


def test_scores_of_any_size_do_not_overflow():
    generator = torch.Generator().manual_seed(3)
    qkv = torch.randn(1, 50, 3 * 64, generator=generator)
    qkv[..., :128] *= 40  # scores in the thousands
    query, key, value = qkv.view(1, 50, 3, 1, 64).permute(2, 0, 3, 1, 4).to(torch.bfloat16).float()
    plain = F.scaled_dot_product_attention(query, key, value)[:, 0]
    ours = blocked_attention(qkv.to(torch.bfloat16), num_heads=1, scale=0.125)
    assert ours.isfinite().all()
    assert F.cosine_similarity(ours.float(), plain, dim=-1).mean() > 0.99


def test_large_and_small_scores_in_one_batch_are_each_right():
    generator = torch.Generator().manual_seed(4)
    qkv = torch.randn(2, 700, 3 * 64, generator=generator)
    qkv[1, :, :128] *= 20
    together = blocked_attention(qkv.to(torch.bfloat16), num_heads=1, scale=0.125)
    for one in range(2):
        alone = blocked_attention(qkv[one : one + 1].to(torch.bfloat16), num_heads=1, scale=0.125)
        assert torch.equal(together[one], alone[0])
