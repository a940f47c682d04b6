"""Networks as files: every part comes back, and strangers' files are refused."""

import dataclasses
import inspect
import json
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from neurospyke.sim.checkpoint import FORMAT, read_checkpoint, read_network, write_network
from neurospyke.sim.encode import LinearEncoder, RankOrderEncoder
from neurospyke.sim.layers import Pool, SpikingConvolution, SpikingLinear
from neurospyke.sim.models.kheradpisheh2018 import kheradpisheh2018
from neurospyke.sim.models.mozafari2019 import mozafari2019
from neurospyke.sim.models.rezghi2022 import rezghi2022
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP, Homeostasis, RateSchedule
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.whitening import WhiteningEncoder, fit_whitening


def every_kind():
    """A network with every setting away from its default."""
    generator = torch.Generator().manual_seed(0)
    encoder = RankOrderEncoder(
        torch.rand(2, 1, 3, 3, generator=generator),
        n_bins=7,
        threshold=(0.25, 0.125),
        padding="zeros",
        absolute=True,
        pool=(2, 1, 1),
        normalization_radius=2,
        lateral_inhibition=(0.5, 0.25),
        colour="opponent",
        bins="equal",
        inhibition=True,
    )
    stdp = STDP(
        (0.1, 0.2, 0.3),
        -0.1,
        3,
        2,
        0.125,
        (0.5, 0.75, 1.0),
        False,
        "all",
        RateSchedule(7, 1.5, 0.5),
        (3.0, 4.0),
        0.5,
        Homeostasis(0.25, 3.0, 0.125),
    )
    reward = RewardSTDP(2, (0.1, -0.2), (-0.3, 0.4), 0.25, 0.75, True, "all", False, 0.5)
    convolution = SpikingConvolution(
        torch.rand(3, 6, 2, 3, generator=generator),
        threshold=torch.tensor([0.5, 1.0, 1.5]),
        n_bins=7,
        stride=(2, 1),
        padding=(1, 0, 2, 1),
        inhibition=True,
        rule=stdp,
        precision="reproducible",
    )
    last = SpikingLinear(
        torch.rand(4, 27, generator=generator, dtype=torch.float64),
        threshold=None,
        n_bins=7,
        rule=reward,
        precision="fast",
    )
    layers = {"conv": convolution, "pool": Pool((2, 1), (1, 2), (0, 1, 0, 0)), "last": last}
    return Network("every kind", encoder, layers)


def linear():
    """A linear encoder with every setting away from its default."""
    generator = torch.Generator().manual_seed(0)
    encoder = LinearEncoder(
        torch.rand(2, 3, 3, 3, generator=generator),
        n_bins=7,
        threshold=0.25,
        padding="none",
        absolute=True,
        pool=(2, 1, 1),
        normalization_radius=2,
        lateral_inhibition=(0.5,),
        colour="rgb",
        bins="spyker",
        inhibition=True,
    )
    return Network("linear", encoder, {"pool": Pool(2)})


def whitened():
    """A whitening encoder with every setting away from its default."""
    generator = torch.Generator().manual_seed(0)
    whitening = fit_whitening(torch.rand(50, 3, 12, 12, generator=generator))
    encoder = WhiteningEncoder(
        whitening.mean, whitening.matrix, n_bins=7, threshold=0.25, bins="spyker"
    )
    return Network("whitened", encoder, {"pool": Pool(2)})


KINDS = [every_kind, linear, whitened]


@pytest.mark.parametrize("make", [*KINDS, kheradpisheh2018, mozafari2019, rezghi2022])
def test_every_part_comes_back(tmp_path, make):
    network, path = make(), tmp_path / "network.safetensors"
    write_network(path, network)
    again = read_network(path)
    assert repr(again) == repr(network)
    assert again.name == network.name
    kept = again.state_dict()
    for key, value in network.state_dict().items():
        assert torch.equal(kept.pop(key), value)
    assert not kept
    for name, layer in network.layers.items():
        rule = getattr(layer, "rule", None)
        assert getattr(again.layers[name], "rule", None) == rule
        precision = getattr(layer, "precision", None)
        assert getattr(again.layers[name], "precision", None) == precision
    shape = (2, network.n_channels, 12, 12)
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    if make is every_kind:
        images = images[..., :10, :]
        del network.layers["last"], again.layers["last"]
    assert torch.equal(again(images), network(images))


def test_every_setting_of_a_rule_is_kept():
    """`every_kind` must differ from the defaults everywhere, or a forgotten setting goes unseen."""
    for layer in every_kind().layers.values():
        rule = getattr(layer, "rule", None)
        for each in dataclasses.fields(rule) if rule is not None else ():
            assert getattr(rule, each.name) != each.default, each.name


@pytest.mark.parametrize("make", KINDS)
def test_every_setting_of_an_encoder_is_kept(make):
    encoder = make().encoder
    defaults = {}
    for kind in type(encoder).__mro__[::-1]:
        if issubclass(kind, nn.Module) and kind is not nn.Module:
            defaults |= inspect.signature(kind.__init__).parameters
    settings = {
        key for key, each in defaults.items() if each.default is not inspect.Parameter.empty
    }
    assert settings
    for key in settings:
        assert getattr(encoder, key) != defaults[key].default, key


def test_progress_is_kept_beside_it(tmp_path):
    path = tmp_path / "network.safetensors"
    write_network(path, every_kind(), progress={"step": 3, "loss": 0.1})
    assert read_checkpoint(path)[1] == {"step": 3, "loss": 0.1}
    write_network(path, every_kind())
    assert read_checkpoint(path)[1] is None
    assert [each.name for each in tmp_path.iterdir()] == ["network.safetensors"]


def rewritten(path, change=None, drop=()):
    """The file of `every_kind` with its header or tensors changed."""
    write_network(path, every_kind())
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["neurospyke"])
    tensors = {key: value for key, value in load_file(path).items() if key not in drop}
    if change is not None:
        change(about, tensors)
    save_file(tensors, path, {"neurospyke": json.dumps(about)})
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda about, tensors: about["modules"]["conv"].update(kind="os.system"),
        lambda about, tensors: about["modules"]["conv"].update(n_bins=9999),
        lambda about, tensors: about["modules"]["conv"].update(stride="x"),
        lambda about, tensors: about["modules"]["conv"].pop("padding"),
        lambda about, tensors: about["modules"]["conv"]["rule"].update(clamp="some"),
        lambda about, tensors: about["modules"]["conv"]["rule"].update(kind="Network"),
        lambda about, tensors: about["modules"].pop("encoder"),
        lambda about, tensors: about.pop("modules"),
        lambda about, tensors: about.update(modules=[1]),
        lambda about, tensors: tensors.pop("conv.weight"),
        lambda about, tensors: tensors.update(more=torch.zeros(1)),
        lambda about, tensors: tensors.update({"conv.weight": torch.zeros(3)}),
        lambda about, tensors: tensors.update({"conv.weight": torch.full((3, 6, 2, 3), torch.nan)}),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path, change):
    path = rewritten(tmp_path / "network.safetensors", change)
    with pytest.raises(ValueError, match="its parts do not fit"):
        read_network(path)


def test_a_file_from_before_linear_layers_had_a_precision_is_read(tmp_path):
    path = rewritten(
        tmp_path / "network.safetensors",
        lambda about, tensors: about["modules"]["last"].pop("precision"),
    )
    last: Any = read_network(path).layers["last"]
    assert last.precision == "full"


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "network.safetensors"
    write_network(path, every_kind())
    whole = path.read_bytes()
    with pytest.raises(ValueError, match="at most `max_bytes` = 100 bytes; got"):
        read_network(path, max_bytes=100)
    for damaged in (b"", b"\x80\x04pickle", whole[:-5], b"\xff" * 8 + whole[8:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="must be a safetensors file"):
            read_network(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=f"{FORMAT!r}; got None"):
        read_network(path)
    with pytest.raises(FileNotFoundError):
        read_network(tmp_path / "none.safetensors")


def test_foreign_modules_are_not_written(tmp_path):
    network = every_kind()
    network.layers["conv"] = nn.Identity()
    with pytest.raises(TypeError, match="got Identity as 'conv'"):
        write_network(tmp_path / "network.safetensors", network)
    assert list(tmp_path.iterdir()) == []
