"""Keeps saved notebooks small: a Jupyter server extension.

JupyterLab adds a png of every Plotly chart to a notebook that it saves, which doubles the file. The library's charts carry their still picture
as html already, so for those the png is left out.
"""

PLOTLY = "application/vnd.plotly.v1+json"


def drop_pictures(model, **_):
    """Takes out of a notebook that is about to be saved the png of charts that have their picture as html."""
    if model["type"] != "notebook" or not model.get("content"):
        return
    for cell in model["content"].get("cells", []):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if PLOTLY in data and "text/html" in data:
                data.pop("image/png", None)


def _jupyter_server_extension_points():
    return [{"module": "deep_audio_saving"}]


def _load_jupyter_server_extension(app):
    app.contents_manager.register_pre_save_hook(drop_pictures)
