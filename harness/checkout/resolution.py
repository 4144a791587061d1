"""Which file of a checkout an import names: relative, by tsconfig.json, or a package of its own workspace."""

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from harness.checkout.files import SKIPPED

SUFFIXES: Final = ("", ".ts", ".tsx", ".mts", ".js", ".mjs", "/index.ts", "/index.tsx", "/index.js")


class Resolution:
    """The imports of one checkout."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout.resolve()
        self._paths = _path_patterns(self.checkout)
        self._known: dict[tuple[str, Path | None], Path | None] = {}

    def file(self, specifier: str, importer: Path) -> Path | None:
        """The file of a specifier; None for a package, and for what is not in the checkout."""
        key = (specifier, importer.parent if specifier.startswith(".") else None)
        if key not in self._known:
            self._known[key] = self._look_up(specifier, importer)
        return self._known[key]

    def _look_up(self, specifier: str, importer: Path) -> Path | None:
        if specifier.startswith("."):
            return self._file(importer.parent / specifier)
        for pattern, targets in self._paths:
            if match := pattern.fullmatch(specifier):
                for target in targets:
                    found = self._file(self.checkout / target.replace("*", match["rest"], 1))
                    if found:
                        return found
        return self._of_workspace(specifier)

    def _of_workspace(self, specifier: str) -> Path | None:
        parts = specifier.split("/")
        name = "/".join(parts[: 2 if specifier.startswith("@") else 1])
        manifest = self._workspace.get(name)
        if manifest is None:
            return None
        folder, document = manifest
        below = specifier[len(name) + 1 :]
        entries = [*_entries(document, f"./{below}" if below else "."), f"src/{below or 'index'}"]
        for entry in (*entries, below or "index"):
            found = self._file(folder / entry)
            if found and found.suffix in {".ts", ".tsx", ".mts"}:
                return found
        return None

    @cached_property
    def _workspace(self) -> dict[str, tuple[Path, dict[str, Any]]]:
        """The packages of the checkout, one or two folders down, by their names."""
        found: dict[str, tuple[Path, dict[str, Any]]] = {}
        for pattern in ("*/package.json", "*/*/package.json"):
            for path in sorted(self.checkout.glob(pattern)):
                if not SKIPPED.isdisjoint(path.relative_to(self.checkout).parts):
                    continue
                try:
                    document = json.loads(path.read_text(encoding="utf-8"))
                    found.setdefault(str(document["name"]), (path.parent, document))
                except (OSError, ValueError, KeyError, TypeError):
                    continue  # no package that anything is imported from
        return found

    def _file(self, path: Path) -> Path | None:
        stem = path.with_suffix("") if path.suffix in {".js", ".mjs"} else path
        for candidate in (path, stem):
            for suffix in SUFFIXES:
                file = Path(f"{candidate}{suffix}")
                if file.is_file():
                    resolved = file.resolve()
                    return resolved if resolved.is_relative_to(self.checkout) else None
        return None


def _entries(document: dict[str, Any], below: str) -> list[str]:
    """What a package's manifest names as the source of itself, or of what lies below it."""
    exports = document.get("exports")
    of = exports.get(below, exports if below == "." else None) if isinstance(exports, dict) else exports
    named = [of, *of.values()] if isinstance(of, dict) else [of]
    if below == ".":
        named += [document.get("types"), document.get("main")]
    return [each for each in named if isinstance(each, str)]


def _path_patterns(checkout: Path) -> list[tuple[re.Pattern[str], list[str]]]:
    """The `paths` of tsconfig.json, which may hold comments and trailing commas; `@/*` where there is none."""
    paths: dict[str, list[str]] = {"@/*": ["./src/*"]}
    base = "."
    try:
        text = (checkout / "tsconfig.json").read_text(encoding="utf-8")
        # A comment may not begin within a string: "@/*" holds the beginning of one.
        bare = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m[1] or "", text, flags=re.DOTALL)
        options = json.loads(re.sub(r",(\s*[}\]])", r"\1", bare)).get("compilerOptions", {})
        paths, base = options.get("paths", paths), options.get("baseUrl", base)
    except (OSError, ValueError, AttributeError):
        pass
    return [
        (
            re.compile(
                re.escape(pattern).replace(r"\*", "(?P<rest>.*)") + ("" if "*" in pattern else "(?P<rest>)")
            ),
            [f"{base}/{target}" for target in targets],
        )
        for pattern, targets in paths.items()
    ]
