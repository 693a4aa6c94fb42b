"""The benchmark for GPUs runs; how fast is no matter here."""

import importlib


def test_it_prints_and_plots(cupy, tmp_path, capsys):
    gpu = importlib.import_module("gpu")
    plot = tmp_path / "gpu.png"
    few = ["--numbers", "2048", "--lengths", "8", "100", "--rounds", "1", "--dtypes", "float32"]
    gpu.main([*few, "--plot", str(plot)])
    assert capsys.readouterr().out.count("softkern GB/s") == len(gpu.ARRAYS)
    assert plot.stat().st_size > 1000
