"""What published generations come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from egxds.app.pipeline import Build
from egxds.cli.generation_names import GenerationName
from egxds.cli.load import load_settings
from egxds.cli.offline import build_of_tree
from egxds.cli.progress import progress
from egxds.cli.published_store import find, generations_of, with_generations
from egxds.files.documents.document import FileTree
from egxds.published.content import tree_of
from egxds.published.reading import Generations
from egxds.published.record import Record
from egxds.settings.daemon import FileSource, Settings, Sources

_Trees = Mapping[GenerationName, FileTree]


def published_builds(config: Path | None, names: Sequence[GenerationName]) -> Mapping[GenerationName, Build]:
    """Return what generations come to; where they cannot be read, say so and end the command.

    Args:
        config: the settings file, which says where they are.
        names: of the generations.
    """
    place = generations_of(config)

    async def tree(generations: Generations, record: Record) -> FileTree:
        texts = await generations.texts(record, {})
        return tree_of({place.name_of(path): text for path, text in texts.items()}, place.limits)

    async def work(generations: Generations) -> _Trees:
        seen = await generations.look()
        records = {name: await find(generations, name, seen) for name in names}
        return {name: await tree(generations, record) for name, record in records.items()}

    with progress("reading generations"):
        trees = with_generations(config, work)
    settings = load_settings(config) if config is not None else None
    return {name: build_of_tree(as_of_files(settings), tree) for name, tree in trees.items()}


def as_of_files(settings: Settings | None) -> Settings:
    """Return settings for files that are handed over, with the kinds of extensions of a settings file."""
    sources = Sources(files=FileSource(paths=(".",)))
    return Settings(sources=sources) if settings is None else settings.model_copy(update={"sources": sources})
