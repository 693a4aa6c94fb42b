"""``softkern info`` and ``check``, and the command line as a process of its own."""

import json
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from arrays import VALUES

import softkern
from softkern.__main__ import main
from softkern._cli import accuracy, edges

extended = pytest.mark.skipif(
    np.finfo(np.longdouble).eps == np.finfo(np.float64).eps,
    reason="numpy.longdouble is float64 on this machine: nothing more accurate to compare with",
)


def refuse(**_):
    raise PermissionError


class TestInfo:
    def test_json(self, capsys):
        assert main(["info", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["versions"]["softkern"] == softkern.__version__
        assert found["versions"]["numpy"] == np.__version__
        assert found["cpu"]["vector bits"] in (128, 256, 512)
        assert found["threads"]["number"] >= 1
        assert found["threads"]["layer"] in ("tbb", "omp", "workqueue")

    def test_tells_what_is_installed_without_importing_it(self):
        code = "import sys; from softkern.__main__ import main; main(['info', '--json']); "
        code += "print({'torch', 'jax', 'cupy', 'dask', 'array_api_strict'} & {*sys.modules})"
        out = subprocess.run(
            [sys.executable, "-c", code], text=True, capture_output=True, check=True
        )
        assert out.stdout.splitlines()[-1] == "set()"

    @pytest.mark.parametrize("installed", [True, False])
    def test_tells_what_is_not_installed(self, monkeypatch, installed):
        from softkern._cli import info

        monkeypatch.setattr(info, "_installed", lambda name: name != "torch" or installed)
        assert (info.gather()["arrays"]["torch"] is not None) == installed

    def test_cuda_wheels_are_cupy(self, monkeypatch):
        from softkern._cli import info

        def version(name):
            if name == "cupy-cuda13x":
                return "14.2.0"
            raise info.PackageNotFoundError

        monkeypatch.setattr(info, "version", version)
        assert info.gather()["versions"]["cupy"] == "14.2.0"
        assert info.gather()["versions"]["torch"] is None

    def test_cache_folder_follows_numba(self, monkeypatch, tmp_path):
        from numba.core import caching

        from softkern._cli import info

        monkeypatch.setattr(info.config, "CACHE_DIR", "")
        assert info.gather()["cache"]["folder"].endswith("__pycache__")
        monkeypatch.setattr(info.config, "CACHE_DIR", str(tmp_path))
        assert info.gather()["cache"]["folder"].startswith(str(tmp_path))
        monkeypatch.setattr(caching.tempfile, "TemporaryFile", refuse)
        assert info.gather()["cache"]["folder"] is None

    @pytest.mark.usefixtures("bare")
    def test_plain_text(self, capsys):
        assert main(["info"]) == 0
        out = capsys.readouterr().out
        assert out.isascii()
        assert f"numpy             {np.__version__}\n" in out

    def test_rich_text(self, capsys):
        assert main(["info"]) == 0
        assert np.__version__ in capsys.readouterr().out


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check without the peers and the long row."""
    rows = accuracy._hard_rows
    monkeypatch.setattr(accuracy, "_peers", dict)
    monkeypatch.setattr(
        accuracy, "_hard_rows", lambda dtype: [row for row in rows(dtype) if row[0] != "long"]
    )


def sabotaged(op: str, break_: Callable[[np.ndarray], np.ndarray]) -> Callable[..., object]:
    honest = getattr(softkern, op)
    return lambda *args, **options: break_(honest(*args, **options))


class TestCheck:
    @pytest.mark.usefixtures("quick")
    def test_every_promise_holds(self, capsys):
        code = main(["check", "--json"])
        report = json.loads(capsys.readouterr().out)
        assert [edge for edge in report["edges"] if not edge["holds"]] == []
        assert [row for row in report["accuracy"] if not row["holds"]] == []
        assert report["holds"]
        assert code == 0

    @pytest.mark.usefixtures("quick")
    @pytest.mark.parametrize("as_json", [True, False])
    @pytest.mark.parametrize("op", VALUES)
    def test_inaccurate_operation_is_found_out(self, capsys, monkeypatch, op, as_json):
        off = sabotaged(op, lambda y: y * (1 + 4 * np.finfo(np.asarray(y).dtype).eps))
        monkeypatch.setattr(softkern, op, off)
        monkeypatch.setattr("softkern._cli.check.edges", list)
        assert main(["check", *["--json"] * as_json]) == 1
        out = capsys.readouterr().out
        if as_json:
            broken = {row["op"] for row in json.loads(out)["accuracy"] if not row["holds"]}
            assert broken == {op}
        else:
            assert "NO" in out

    @pytest.mark.usefixtures("quick")
    def test_broken_edge_is_found_out(self, capsys, monkeypatch):
        monkeypatch.setattr(softkern, "logsumexp", sabotaged("logsumexp", np.nan_to_num))
        monkeypatch.setattr("softkern._cli.check.measure", lambda _: [])
        assert main(["check", "--json"]) == 1
        broken = {e["case"] for e in json.loads(capsys.readouterr().out)["edges"] if not e["holds"]}
        assert {"all -inf: logsumexp", "+inf: logsumexp", "NaN: logsumexp"} <= broken

    def test_raising_operation_is_found_out(self, monkeypatch):
        def fail(*_, **__):
            raise RuntimeError

        monkeypatch.setattr(softkern, "softmax", fail)
        broken = {edge.got for edge in edges.edges() if not edge.holds}
        assert broken == {"RuntimeError"}

    @pytest.mark.usefixtures("quick")
    def test_error_of_a_thousand_ulp_is_measured_as_such(self, monkeypatch):
        off = sabotaged("softmax", lambda y: y + 1000 * np.spacing(y))
        monkeypatch.setattr(softkern, "softmax", off)
        for m in accuracy.measure(accuracy.reference()):
            if m.op == "softmax":
                assert m.ulps["softkern"] == pytest.approx(1000, abs=100)

    @pytest.mark.usefixtures("quick")
    def test_nan_is_the_worst_error(self, monkeypatch):
        monkeypatch.setattr(softkern, "softmax", sabotaged("softmax", lambda y: y * np.nan))
        worst = [m for m in accuracy.measure(accuracy.reference()) if m.op == "softmax"]
        assert not any(m.holds for m in worst)

    @extended
    @pytest.mark.usefixtures("quick")
    def test_long_double_stands_in_for_mpmath(self, monkeypatch):
        pytest.importorskip("mpmath")
        by_mpmath = list(accuracy.measure(accuracy.reference()))
        monkeypatch.setitem(sys.modules, "mpmath", None)
        reference = accuracy.reference()
        assert reference.name.startswith("numpy.longdouble")
        for a, b in zip(by_mpmath, accuracy.measure(reference), strict=True):
            assert a[:4] == b[:4]
            assert a.ulps["softkern"] == pytest.approx(b.ulps["softkern"], abs=0.02)

    def test_peers_are_measured_beside(self):
        pytest.importorskip("scipy")
        peers = accuracy._peers()
        x = np.array([1.0, 2, 4])
        for name, library in peers.items():
            for op in VALUES:
                np.testing.assert_allclose(
                    library(op, x), getattr(softkern, op)(x), rtol=1e-14, err_msg=name
                )
        assert "scipy" in peers

    @pytest.mark.usefixtures("bare", "quick")
    def test_plain_text(self, capsys):
        main(["check"])
        out = capsys.readouterr().out
        assert out.isascii()
        assert "all -inf: softmax" in out
        assert "one dominant  log_softmax" in out


class TestProcess:
    """The command line as a process of its own."""

    def test_module_and_entry_point(self, tmp_path):
        scripts = Path(sysconfig.get_path("scripts"))
        np.save(tmp_path / "x.npy", np.zeros((2, 4)))
        for k, command in enumerate([[sys.executable, "-m", "softkern"], [scripts / "softkern"]]):
            target = tmp_path / f"y{k}.npy"
            subprocess.run([*command, "run", tmp_path / "x.npy", "-o", target], check=True)
            assert (np.load(target) == 0.25).all()

    def test_bad_input_exits_with_2(self, tmp_path):
        command = [sys.executable, "-m", "softkern", "run", tmp_path / "x.npy", "-o", "y.npy"]
        out = subprocess.run(command, text=True, capture_output=True, check=False)
        assert out.returncode == 2
        assert out.stderr == f"softkern run: error: {tmp_path / 'x.npy'}: no such file\n"

    def test_version_and_help(self, capsys):
        for option, says in [("--version", softkern.__version__), ("--help", "softkern run")]:
            with pytest.raises(SystemExit) as exit_:
                main([option])
            assert exit_.value.code == 0
            assert says in capsys.readouterr().out

    def test_import_softkern_is_none_the_wiser(self):
        code = (
            "import sys, softkern; print({'softkern._cli', 'argparse', 'numpy'} & {*sys.modules})"
        )
        out = subprocess.run(
            [sys.executable, "-c", code], text=True, capture_output=True, check=True
        )
        assert out.stdout == "set()\n"
