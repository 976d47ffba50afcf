"""Commands that advise: recommend, suggest; heavy imports inside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from serving.arguments import (
    Cores,
    Demands,
    HostProfile,
    Json,
    Level,
    MemoryGb,
    NativeCores,
    NativeValue,
    NetworkGbps,
    Observations,
    Runtime,
    Runtimes,
    Scaling,
    StorageIops,
    Unit,
    With,
    Workload,
)


def register(app: typer.Typer, ensure_champion: Callable[[], None]) -> None:
    """Add the two commands; `ensure_champion` sees to it that there is a model."""

    @app.command()
    def recommend(
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
        isolation: Annotated[
            str | None, typer.Option(help="At least: none, weak, medium or strong.")
        ] = None,
        hardware_binding: Annotated[
            bool, typer.Option(help="Whether being bound to one machine is acceptable.")
        ] = True,
        cold_start_ms: Annotated[str | None, typer.Option(metavar="N", help="At most.")] = None,
        retained_at_least: Annotated[
            str | None, typer.Option(metavar="R", help="Of bare metal, e.g. 0.7.")
        ] = None,
        with_probability: Annotated[
            str | None, typer.Option(metavar="P", help="Of --retained-at-least. [0.8]")
        ] = None,
        confidential: Annotated[
            bool, typer.Option("--confidential", help="Memory that the operator cannot read.")
        ] = False,
        live_migration: Annotated[bool, typer.Option("--live-migration")] = False,
        snapshots: Annotated[
            bool, typer.Option("--snapshots", help="Of the running state.")
        ] = False,
        budget_usd: Annotated[
            str | None,
            typer.Option("--budget-usd", "--budget", metavar="N", help="Over three years."),
        ] = None,
        relative_cost: Annotated[
            list[str] | None,
            typer.Option(metavar="RUNTIME=N", help="Your cost relative to a VM; repeatable."),
        ] = None,
        tco_usd: Annotated[
            list[str] | None,
            typer.Option(metavar="RUNTIME=N", help="Your cost over three years; repeatable."),
        ] = None,
        host_usd: Annotated[
            list[str] | None,
            typer.Option(
                metavar="PART=N",
                help="Of one host over three years: hardware, software, power, operations.",
            ),
        ] = None,
        instances: Annotated[
            str | None, typer.Option(metavar="N", help="To run; with --host-usd.")
        ] = None,
        workload_memory_mb: Annotated[
            str | None, typer.Option(metavar="N", help="Of one instance, beside the runtime's.")
        ] = None,
        tree: Annotated[
            list[str] | None,
            typer.Option(
                metavar="QUESTION=ANSWER",
                help="Ask the reference's decision tree: extreme_performance, hardware_binding, "
                "isolation, start_critical; repeatable.",
            ),
        ] = None,
        observed: Observations = None,
        host_profile: HostProfile = None,
        demands: Demands = None,
        as_json: Json = False,
    ) -> None:
        """The runtimes that hold under constraints, cheapest per retained performance first.

        Example: nearmetal recommend --workload web --cores 8 --isolation medium --cold-start-ms 500
        """
        from serving.recommend import run_recommend

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
        wishes = {
            "isolation": isolation,
            "hardware_binding": hardware_binding,
            "cold_start_ms": cold_start_ms,
            "retained_at_least": retained_at_least,
            "with_probability": with_probability,
            "confidential": confidential,
            "live_migration": live_migration,
            "snapshots": snapshots,
            "budget_usd": budget_usd,
            "relative_cost": relative_cost,
            "tco_usd": tco_usd,
            "host_usd": host_usd,
            "instances": instances,
            "workload_memory_mb": workload_memory_mb,
            "tree": tree,
        }
        run_recommend(
            given,
            options or [],
            runtimes,
            wishes,
            as_json,
            ensure_champion,
            observed,
            host_profile,
            demands,
        )

    @app.command()
    def suggest(
        runtime: Runtime = None,
        workload: Workload = None,
        cores: Cores = None,
        memory_gb: MemoryGb = None,
        network_gbps: NetworkGbps = None,
        storage_iops: StorageIops = None,
        options: With = None,
        level: Level = None,
        measurable: Annotated[
            list[str] | None,
            typer.Option(help="A runtime you can measure; repeatable. [the asked one]"),
        ] = None,
        count: Annotated[
            str, typer.Option(metavar="K", help="Measurements planned together.")
        ] = "1",
        observed: Observations = None,
        demands: Demands = None,
        as_json: Json = False,
    ) -> None:
        """What to measure on your own rig to be told most, with the lines to run.

        Example: nearmetal suggest --runtime gvisor --workload database.sql --cores 8 --count 2
        """
        from serving.suggest import run_suggest

        given = {
            "runtime": runtime,
            "workload": workload,
            "cores": cores,
            "memory_gb": memory_gb,
            "network_gbps": network_gbps,
            "storage_iops": storage_iops,
            "level": level,
        }
        run_suggest(
            given, options or [], measurable, count, observed, as_json, ensure_champion, demands
        )
