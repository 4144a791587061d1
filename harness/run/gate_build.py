"""Which build the gate judges: as the user says, as the backend says, and still the same at the end."""

from dataclasses import dataclass

from harness.errors import UnavailableError
from harness.report.attestation import build_name, named_build
from harness.report.document import JudgedBuild
from harness.report.escape import shown
from harness.run.options.gate import GateOptions
from harness.sut.build_source import BuildSource, read_build
from harness.sut.external import Site


@dataclass(slots=True)
class DeployedBuild:
    """The build under judgement; nothing is known of it where neither user nor backend is asked."""

    options: GateOptions
    site: Site
    deployed: JudgedBuild | None = None

    async def at_the_start(self) -> str | None:
        """Why nothing can be judged: the backend does not say, or says something else than the user. Else None."""
        named = named_build(self.options.deployed) if self.options.deployed else ""
        if not self.options.deployed_from:
            self.deployed = JudgedBuild(named) if named else None
            return None
        found = await self._read()
        if isinstance(found, JudgedBuild):
            self.deployed = found
            if named and named != found.build:
                return f"the backend says that it is {found.build}, and --deployed says {named}"
            return None
        return found

    async def at_the_end(self) -> str | None:
        """Why nothing that was judged holds: another build answers by now. Else None."""
        if not self.options.deployed_from or self.deployed is None:
            return None
        found = await self._read()
        if isinstance(found, JudgedBuild) and found != self.deployed:
            return f"the backend said {self.deployed.build} at the start, and {found.build} at the end"
        return found if isinstance(found, str) else None

    async def _read(self) -> JudgedBuild | str:
        source = BuildSource.of(self.options.deployed_from)
        try:
            text = await read_build(self.site, source, self.options.given, self.options.timeout_s)
        except UnavailableError as error:
            return str(error)
        build = build_name(text)
        if build is None:
            return f"the backend says that it is {shown(text)}, which is no whole commit and no digest"
        return JudgedBuild(build, source.text)
