"""The view in a notebook reacts, and is a picture where it cannot."""

from __future__ import annotations

import builtins
import io

import numpy as np
import pytest
from PIL import Image

from itemclip_med.explain import StaticView, view
from itemclip_med.models import ItemizedCLIP
from tests.explain.making import head, plant_attention, write_store


@pytest.fixture
def store(tmp_path):
    return write_store(tmp_path / "s", [head()])


@pytest.fixture
def model(monkeypatch):
    model = ItemizedCLIP.from_pretrained("head_ct_phantom")
    plant_attention(monkeypatch, model, [(2, 3, 5), (1, 5, 2)])
    return model


def test_the_widget_jumps_to_a_finding_and_draws_it(store, model):
    ipywidgets = pytest.importorskip("ipywidgets", reason="the widget needs ipywidgets (extra notebooks)")
    box = view(store.studies[0], model, ["one", "other"], store=store)
    finding, _, index, _, picture, note = box.children
    assert isinstance(box, ipywidgets.VBox)
    first, slice_of_first = picture.value, index.value
    finding.value = finding.options[1]
    assert index.value != slice_of_first
    assert picture.value != first
    colors = np.asarray(Image.open(io.BytesIO(picture.value)).convert("RGB")).astype(int)
    assert np.abs(colors[..., 0] - colors[..., 2]).max() > 50  # the map is in colors, the slice in gray
    assert "Not seen here: 40%" in note.value


def test_without_widgets_a_picture_says_why(store, model, monkeypatch):
    true_import = builtins.__import__

    def lacking(name, *args, **kwargs):
        if name == "ipywidgets":
            raise ImportError(name)
        return true_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", lacking)
    shown = view((store, "study-1"), model, ["one", "other"])
    assert isinstance(shown, StaticView)
    assert "itemclip-med[notebooks]" in shown._repr_html_()
    assert shown._repr_html_().count("data:image/png") == 2


def test_a_study_without_its_store_is_refused(model):
    with pytest.raises(ValueError, match="store"):
        view("study-1", model, ["one"])


@pytest.mark.long
def test_a_notebook_shows_the_widget_and_pictures_where_there_is_none(store):
    nbclient = pytest.importorskip("nbclient", reason="a kernel needs nbclient (extra notebooks)")
    pytest.importorskip("ipykernel", reason="a kernel needs ipykernel (extra notebooks)")
    pytest.importorskip("ipywidgets", reason="the widget needs ipywidgets (extra notebooks)")
    import nbformat

    call = f"view(({str(store.root)!r}, 'study-1'), 'head_ct_phantom', ['epidural hematoma', 'midline shift'])"
    cells = [
        f"from itemclip_med.explain import view\nbox = {call}\nbox",
        "first = box.children[4].value\nbox.children[1].value = 'sagittal'\nassert box.children[4].value != first",
        f"import sys\nsys.modules['ipywidgets'] = None\n{call}",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    widget, fallback = (notebook.cells[number].outputs[-1]["data"] for number in (0, 2))
    assert "application/vnd.jupyter.widget-view+json" in widget
    assert widget["text/html"].count("data:image/png") == 1  # for viewers without widgets
    assert "itemclip-med[notebooks]" in fallback["text/html"] and fallback["text/html"].count("data:image/png") == 2
    models = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    assert {"DropdownModel", "IntSliderModel", "ImageModel"} <= {model["model_name"] for model in models}
