"""Arrays with labels: xarray applies softkern to them; pandas is told how."""

import numpy as np
import pytest

import softkern

ROWS, TANGENTS = np.random.default_rng(0).normal(0, 3, (2, 4, 30))


class TestXarray:
    @pytest.fixture(params=["numpy", "dask"])
    def rows(self, request):
        """A function that gives numbers labels; with Dask, they are cut along both axes."""
        xarray = pytest.importorskip("xarray")
        if request.param == "dask":
            pytest.importorskip("dask.array")

        def labelled(a):
            coords = {"place": list("abcd"), "choice": np.arange(30)}
            x = xarray.DataArray(a, coords, ("place", "choice"), name="utility")
            return x.chunk(place=3, choice=7) if request.param == "dask" else x

        return labelled

    def test_softmax_keeps_labels_and_laziness(self, rows):
        xarray = pytest.importorskip("xarray")
        x = rows(ROWS)
        y = xarray.apply_ufunc(
            softkern.softmax,
            x,
            input_core_dims=[["choice"]],
            output_core_dims=[["choice"]],
            kwargs={"axis": -1},
            dask="allowed",
        )
        assert type(y.data) is type(x.data)
        assert y.chunks == x.chunks
        assert y.name == "utility"
        xarray.testing.assert_equal(y.coords.to_dataset(), x.coords.to_dataset())
        np.testing.assert_allclose(y, softkern.softmax(ROWS, axis=1), rtol=1e-14)

    def test_logsumexp_takes_the_dimension_away(self, rows):
        xarray = pytest.importorskip("xarray")
        L = xarray.apply_ufunc(
            softkern.logsumexp,
            rows(ROWS),
            input_core_dims=[["choice"]],
            kwargs={"axis": -1},
            dask="allowed",
        )
        assert L.dims == ("place",)
        np.testing.assert_allclose(L, softkern.logsumexp(ROWS, axis=1), rtol=1e-14)

    def test_a_jvp_has_two_results(self, rows):
        xarray = pytest.importorskip("xarray")
        results = xarray.apply_ufunc(
            softkern.softmax_jvp,
            rows(ROWS),
            rows(TANGENTS),
            input_core_dims=[["choice"]] * 2,
            output_core_dims=[["choice"]] * 2,
            kwargs={"axis": -1},
            dask="allowed",
        )
        for result, truth in zip(results, softkern.softmax_jvp(ROWS, TANGENTS, 1), strict=True):
            np.testing.assert_allclose(result, truth, atol=1e-14)

    def test_a_call_without_it_says_so(self, rows):
        with pytest.raises(TypeError, match="apply_ufunc"):
            softkern.softmax(rows(ROWS))


class TestPandas:
    def test_a_call_says_what_to_pass(self):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(ROWS)
        for x in (frame, frame[0]):
            with pytest.raises(
                TypeError, match=r"would lose its labels here: pass `x.to_numpy\(\)`"
            ):
                softkern.softmax(x)

    def test_what_it_says_works(self):
        pandas = pytest.importorskip("pandas")
        x = pandas.DataFrame(ROWS, index=list("abcd"))
        y = type(x)(softkern.softmax(x.to_numpy(), axis=1), x.index, x.columns)
        np.testing.assert_allclose(y.sum(axis=1), 1)
        assert list(y.index) == list("abcd")
