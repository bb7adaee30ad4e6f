"""Shows notebooks as pages of the site: a hook of MkDocs."""

import json
import pathlib

from mkdocs.structure.files import File


def to_markdown(notebook: pathlib.Path) -> str:
    """Returns the cells of a notebook, code in fences, without outputs."""
    link = f"[Download this notebook]({notebook.name}.download)"
    parts = []
    for cell in json.loads(notebook.read_text())["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            text = f"```python\n{text}\n```"
        parts.append(text)
    parts.insert(1, link)
    return "\n\n".join(parts) + "\n"


def on_files(files, config):
    """Adds a page for every notebook."""
    for file in list(files):
        if file.src_path.endswith(".ipynb"):
            path = pathlib.Path(file.abs_src_path)
            page = file.src_path.removesuffix(".ipynb") + ".md"
            text = to_markdown(path)
            files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Leads links to notebooks to their pages."""
    markdown = markdown.replace(".ipynb)", ".md)")
    return markdown.replace(".ipynb.download)", ".ipynb)")
