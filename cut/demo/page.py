"""The page, made with Gradio, whose package is optional. All that it loads comes from this machine."""

import os
from pathlib import Path
from typing import Any

from PIL import Image

from cut.commands import install
from cut.demo.epochs import Epochs, folder_problem
from cut.errors import UserError
from cut.monitoring.lines import method_label

CSS = """
.gradio-container {width: 100% !important; max-width: 72rem !important; margin: 0 auto !important}
.gradio-container h1 {overflow-wrap: anywhere}
footer {display: none !important}
"""


def gradio() -> Any:
    """The package, with everything off that would talk to other machines.

    Raises:
        UserError: when it is missing.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import gradio
    except ImportError as error:
        raise UserError(
            f"The page needs the package gradio, which cannot be imported here ({error}): {install('demo')}"
        ) from error
    return gradio


def theme() -> Any:
    """Gradio's plain theme with the fonts of the system instead of Google's."""
    return gradio().themes.Base(
        font=["system-ui", "-apple-system", "Segoe UI", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )


def make_page(epochs: Epochs, with_folders: bool) -> Any:
    """The page of a run, a Gradio `Blocks`.

    Args:
        epochs: of the run.
        with_folders: offer to translate a folder of this machine, for users who sit at it.
    """
    gr = gradio()
    name = epochs.options.run.name

    def translated(picture: Image.Image | None, label: str) -> tuple[Image.Image, Image.Image] | None:
        if picture is None:
            return None
        try:
            result = epochs.translate(label, picture)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return picture, result

    def folder_done(source: str, target: str, label: str) -> str:
        problem = folder_problem(source, target)
        if problem is not None:
            return problem
        try:
            status = epochs.translate_folder(label, source, target)
        except UserError as error:
            return str(error)
        return f"Translated: {Path(target).resolve()}" if status == 0 else "It was interrupted."

    with gr.Blocks(title=f"{name}: try it", analytics_enabled=False) as page:
        gr.Markdown(f"# {name}\n{_about(epochs)}")
        labels = list(epochs.labels)
        chosen = gr.Dropdown(labels, value=labels[0], label="Weights", interactive=True)
        with gr.Tab("A picture"), gr.Row(equal_height=False):  # one below the other where they are too narrow
            with gr.Column(scale=2, min_width=280):
                picture = gr.Image(type="pil", sources=["upload", "clipboard"], label="Your picture", height=300)
            with gr.Column(scale=3, min_width=280):
                slider = gr.ImageSlider(
                    type="pil", format="png", label="Before and after: move the line", interactive=False, max_height=600
                )
        gr.on(
            [picture.change, chosen.change], translated, [picture, chosen], slider,
            concurrency_id="generator", api_visibility="private",
        )  # fmt: skip
        if with_folders:
            with gr.Tab("A folder"):
                source = gr.Textbox(label="Folder of pictures on this machine; sub-folders and names are kept")
                target = gr.Textbox(label="Folder for the translations")
                button, said = gr.Button("Translate", variant="primary"), gr.Markdown()
            button.click(
                folder_done, [source, target, chosen], said, concurrency_id="generator", api_visibility="private"
            )
    return page


def _about(epochs: Epochs) -> str:
    method, direction = method_label(epochs.options.flat()), epochs.options.data.direction
    device = "the GPU" if epochs.device.type == "cuda" else "the CPU"
    return f"{method}, {direction}, on {device}. Pictures keep their size and stay on this machine."
