from benchmarks.features.options import FeatureOptions
from vos.backbones.loading import BackboneOptions
from vos.runtime.distributed import Team


def test_the_backbone_is_named_once_while_it_loads(capsys):
    options = BackboneOptions("efficientnet_lite0", device="cpu", precision="fp32")
    assert FeatureOptions(options).load(Team()).record.name == "efficientnet_lite0"
    assert capsys.readouterr().err.count("efficientnet_lite0") == 1
