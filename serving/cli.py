"""Commands that answer: predict, compare, serve; heavy imports inside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from serving.arguments import (
    Cores,
    Demands,
    HostProfile,
    Input,
    Json,
    Level,
    MemoryGb,
    NativeCores,
    NativeValue,
    NetworkGbps,
    Observations,
    Output,
    Runtime,
    Runtimes,
    Scaling,
    Scored,
    StorageIops,
    Table,
    Unit,
    With,
    Workload,
)


def register(
    app: typer.Typer,
    ensure_champion: Callable[[], None],
    progress_bar: Callable[..., Any] | None = None,
) -> None:
    """Add this room's commands; `ensure_champion` sees to it that there is a model, `progress_bar`
    shows long work on standard error."""

    @app.command()
    def predict(
        runtime: Runtime = None,
        workload: Workload = None,
        cores: Cores = None,
        memory_gb: MemoryGb = None,
        network_gbps: NetworkGbps = None,
        storage_iops: StorageIops = None,
        options: With = None,
        native_value: NativeValue = None,
        unit: Unit = None,
        native_cores: NativeCores = None,
        scaling: Scaling = None,
        level: Level = None,
        observed: Observations = None,
        demands: Demands = None,
        host_profile: HostProfile = None,
        source: Table = None,
        target: Scored = None,
        jobs: Annotated[
            str | None, typer.Option(metavar="N", help="Processes that score. [the cores]")
        ] = None,
        scheduler: Annotated[
            str | None, typer.Option(metavar="tcp://HOST:PORT", help="Of a Dask cluster instead.")
        ] = None,
        skip_bad_rows: Annotated[
            bool, typer.Option("--skip-bad-rows", help="Go on, and tell them in OUTPUT.bad.csv.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """How much of its bare-metal performance a workload keeps.

        A folder, or Parquet in or out, is scored at any length: without parts and evidence, on all
        cores, going on where an interrupted run stopped.

        Example: nearmetal predict --runtime gvisor --workload web --cores 8 --with page_size=2m

        Example: nearmetal predict --input fleet.parquet --output scored.parquet
        """
        from serving.commands import Bulk, jobs_of, no_progress, run_predict

        given = {
            "runtime": runtime,
            "workload": workload,
            "cores": cores,
            "memory_gb": memory_gb,
            "network_gbps": network_gbps,
            "storage_iops": storage_iops,
            "native_value": native_value,
            "unit": unit,
            "native_cores": native_cores,
            "scaling": scaling,
            "level": level,
        }
        bulk = Bulk(jobs_of(jobs), scheduler, skip_bad_rows, progress_bar or no_progress)
        run_predict(
            given,
            options or [],
            source,
            target,
            as_json,
            ensure_champion,
            observed,
            demands,
            host_profile,
            bulk,
        )

    @app.command()
    def compare(
        runtimes: Runtimes = None,
        workload: Workload = None,
        cores: Cores = None,
        memory_gb: MemoryGb = None,
        network_gbps: NetworkGbps = None,
        storage_iops: StorageIops = None,
        options: With = None,
        native_value: NativeValue = None,
        unit: Unit = None,
        native_cores: NativeCores = None,
        scaling: Scaling = None,
        level: Level = None,
        observed: Observations = None,
        demands: Demands = None,
        host_profile: HostProfile = None,
        source: Input = None,
        target: Output = None,
        as_json: Json = False,
    ) -> None:
        """The same workload under each runtime, best first.

        Example: nearmetal compare --workload database.kv --cores 8 --runtime vm --runtime gvisor
        """
        from serving.commands import run_compare

        given = {
            "workload": workload,
            "cores": cores,
            "memory_gb": memory_gb,
            "network_gbps": network_gbps,
            "storage_iops": storage_iops,
            "native_value": native_value,
            "unit": unit,
            "native_cores": native_cores,
            "scaling": scaling,
            "level": level,
        }
        run_compare(
            given,
            runtimes,
            options or [],
            source,
            target,
            as_json,
            ensure_champion,
            observed,
            demands,
            host_profile,
        )

    @app.command()
    def serve(
        host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
        port: Annotated[str, typer.Option(metavar="N", help="Port to bind.")] = "3000",
        workers: Annotated[str, typer.Option(metavar="N", help="Processes that answer.")] = "1",
    ) -> None:
        """Answer over HTTP until interrupted. NEARMETAL_API_KEY asks callers for a key.

        Example: nearmetal serve --port 3000
        """
        from serving.launch import launch, port_of, workers_of

        launch(host, port_of(port), workers_of(workers), ensure_champion)
