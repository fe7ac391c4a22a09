"""Keeps saved notebooks small, and gives their charts to LaTeX: a Jupyter server extension and a preprocessor of nbconvert.

JupyterLab adds a png of every Plotly chart to a notebook that it saves, which doubles the file, and shows that in place of the chart when it opens the
notebook again. The library's charts carry their still picture as html already. So those png's go into the output's metadata, where exports to LaTeX and
pdf find them: as far as the notebook stays within 2 MB, the smallest first.
"""

import json

from nbconvert.preprocessors import ExtractOutputPreprocessor

PLOTLY = "application/vnd.plotly.v1+json"
PICTURE = "deep_audio_picture"
MOST_BYTES = 2_000_000


def bytes_of(content):
    return len(json.dumps(content, indent=1, ensure_ascii=False).encode())


def move_pictures(model, **_):
    """Puts the png of charts that have their picture as html where it shows in LaTeX alone, in a notebook that is about to be saved."""
    if model["type"] != "notebook" or not model.get("content"):
        return
    outputs = [output for cell in model["content"].get("cells", []) for output in cell.get("outputs", [])]
    charts = [output for output in outputs if {PLOTLY, "text/html"} <= output.get("data", {}).keys()]
    pictures = []
    for output in charts:
        kept = output.setdefault("metadata", {}).pop(PICTURE, None)
        picture = output["data"].pop("image/png", kept)
        if picture:
            pictures.append((bytes_of(picture) + 100, output, picture))
    room = MOST_BYTES - bytes_of(model["content"])
    for size, output, picture in sorted(pictures, key=lambda each: each[0]):
        room -= size
        if room >= 0:
            output["metadata"][PICTURE] = picture


class ChartPictures(ExtractOutputPreprocessor):
    """Gives nbconvert the pictures that `move_pictures` put aside, as files: its own preprocessor of that name has run by then."""

    def preprocess_cell(self, cell, resources, cell_index):
        for output in cell.get("outputs", []):
            if PICTURE in output.get("metadata", {}):
                output["data"]["image/png"] = output["metadata"].pop(PICTURE)
        return super().preprocess_cell(cell, resources, cell_index)


def _jupyter_server_extension_points():
    return [{"module": "deep_audio_saving"}]


def _load_jupyter_server_extension(app):
    app.contents_manager.register_pre_save_hook(move_pictures)
