"""The fit of thread curves: known constants are found again, and the test sees no others."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from features.scaling import capacity
from training import scaling

# Constants put into the synthetic machines, by model: smt_gain, sigma, kappa.
TRUE = {
    "AMD EPYC 7R13": (0.05, 0.002, 1e-5),
    "AMD EPYC 9R14": (0.07, 0.001, 2e-5),
    "Intel(R) Xeon(R) Platinum 8259CL": (0.3, 0.004, 3e-5),
    "Intel(R) Xeon(R) Platinum 8175M": (0.32, 0.003, 2e-5),
}


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(5)
    rows = []
    for model, constants in TRUE.items():
        for number in range(8):
            vcpus = (16, 32, 64, 96)[number % 4]
            threads = np.arange(1, vcpus + 1)
            noise = np.exp(0.0005 * rng.standard_normal(vcpus))
            values = 1000.0 * (1 + number) * capacity(threads, vcpus / 2, *constants) * noise
            rows += [
                {
                    "provider": "test",
                    "instance_type": f"{model}-{number}",
                    "cpu_model": model,
                    "vcpus": vcpus,
                    "threads_per_core": 2,
                    "hypervisor": "KVM",
                    "threads": int(n),
                    "bogo_ops_per_s": value,
                }
                for n, value in zip(threads, values, strict=True)
            ]
    path = tmp_path / "threads.csv"
    pd.DataFrame(rows).sample(frac=1, random_state=3).to_csv(path, index=False)
    return path


def test_known_constants_are_found_again(table, tmp_path, capsys):
    output = tmp_path / "scaling.toml"
    scaling.main([str(table), "--output", str(output)])
    found = tomllib.loads(output.read_text(encoding="utf-8"))
    assert "sc-inspector-data" in found.pop("source")
    families = ("zen3", "zen4", "cascade-lake", "skylake")
    for family, (gain, sigma, kappa) in zip(families, TRUE.values(), strict=True):
        assert found[family]["smt_gain"][0] == pytest.approx(gain, abs=0.005)
        assert found[family]["sigma"][0] == pytest.approx(sigma, abs=0.0005)
        assert found[family]["kappa"][0] == pytest.approx(kappa, abs=1e-5)
        assert found[family]["smt_gain"][3] == 8
    assert found["default"]["smt_gain"][3] == 32
    assert "32 of 32 machines" in capsys.readouterr().out


def test_a_lineage_predicts_a_family_that_was_left_out(table):
    curves = scaling.read_curves(table)
    found = scaling.leave_one_family_out(curves, [scaling.fit_curve(c) for c in curves])
    mean = {law: np.mean(np.concatenate(by_machine)) for law, by_machine in found.items()}
    assert mean["SMT-aware, prior by lineage"] < 0.05
    assert mean["SMT-aware, prior by lineage"] < mean["SMT-aware, one prior"]
    assert mean["SMT-aware, one prior"] < mean["universal"]
    lines = scaling.report(found).splitlines()
    assert len(lines) == 2 + len(found)


def test_the_constants_of_a_family_left_out_play_no_part(table):
    curves = scaling.read_curves(table)
    fits = [scaling.fit_curve(c) for c in curves]
    law = "SMT-aware, prior by lineage"
    spoilt = [
        {**f, "smt_gain": 1.0} if c.family == "zen3" else f
        for c, f in zip(curves, fits, strict=True)
    ]
    before = scaling.leave_one_family_out(curves, fits)[law]
    after = scaling.leave_one_family_out(curves, spoilt)[law]
    for curve, one, other in zip(curves, before, after, strict=True):
        if curve.family == "zen3":
            assert one == pytest.approx(other)
        elif curve.family == "zen4":
            assert not np.allclose(one, other)


def test_the_plain_laws_are_fitted_to_the_points_seen_alone(table):
    curve = scaling.read_curves(table)[0]
    hidden = np.where(curve.seen, curve.throughput, 1.0)
    blind = scaling.Curve(curve.family, curve.vcpus, 2, curve.threads, hidden)
    predicted = scaling.plain_errors(blind, coherency=True) + 1.0
    errors = scaling.plain_errors(curve, coherency=True)
    assert np.abs(predicted / curve.throughput[~curve.seen] - 1.0) == pytest.approx(errors)


def test_a_short_curve_says_nothing_of_contention():
    short = scaling.Curve("zen3", 2, 2, np.array([1.0, 2.0]), np.array([100.0, 120.0]))
    assert scaling.fit_curve(short) == {"smt_gain": pytest.approx(0.2)}
    single = scaling.Curve("arm", 2, 1, np.array([1.0, 2.0]), np.array([100.0, 199.0]))
    assert scaling.fit_curve(single) == {}
