"""What `location` and `asn_label` cost, of addresses seen before and of new ones (`make bench`)."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import polars as pl
import yaml

from pipeline.stage import BuildContext, Step
from stages.asn_label import AsnLabel
from stages.location.stage import Location
from tests.support import ip2location, maxmind
from tests.support.ip2location import Range

_BATCH, _BATCHES, _KNOWN = 20_000, 20, 1_000
_RANGES, _NETWORKS = 100_000, 5_000


def main() -> None:
    """Print processor time for each flow, both of its ends looked up."""
    print(f"\naddresses of both ends looked up, {_BATCH:,} flows a batch")
    with tempfile.TemporaryDirectory() as folder:
        for name, stage in _stages(Path(folder)).items():
            new = _cost(stage.build(BuildContext(folder=Path(folder))), _BATCH, 1)
            known = _cost(stage.build(BuildContext(folder=Path(folder))), _KNOWN, _BATCHES)
            print(f"  {name:<26} {known:5.2f} us CPU a flow, of new addresses {new:6.1f}")


def _stages(folder: Path) -> dict[str, Location | AsnLabel]:
    starts = [f"{n >> 12}.{n >> 4 & 255}.{(n & 15) << 4}.0" for n in range(_RANGES)]
    ranges = [Range(start, "IE", "Ireland", "Leinster", "Dublin", 53.5, -6.25) for start in starts]
    (folder / "places.BIN").write_bytes(ip2location.database(ranges))
    place = {"country": {"iso_code": "IE"}, "city": {"names": {"en": "Dublin"}}}
    networks = {f"{start}/20": place for start in starts[1 : _NETWORKS + 1]}
    (folder / "places.mmdb").write_bytes(maxmind.database(networks))
    routers = [{"asn": n, "prefixes": [net]} for n, net in enumerate(networks, 1)]
    spec = {"bgp": {"routers": routers}}
    frr = {"kind": "FRRConfiguration", "metadata": {"name": "a"}, "spec": spec}
    (folder / "frr.yaml").write_text(yaml.safe_dump(frr))
    return {
        "location, of IP2Location": Location(name="l", file="places.BIN"),
        "location, of MaxMind": Location(name="l", file="places.mmdb"),
        "asn_label": AsnLabel(name="a", inventory="frr.yaml"),
    }


def _cost(step: Step, addresses: int, batches: int) -> float:
    """Microseconds of processor time for each flow, with so many addresses at each end."""
    numbers = pl.int_range(_BATCH, eager=True).alias("n") % addresses
    flows = numbers.to_frame().select(
        SrcAddr=pl.format("{}.{}.16.1", pl.col("n") // 256 % 20, pl.col("n") % 256),
        DstAddr=pl.format("1.{}.{}.1", pl.col("n") // 256, pl.col("n") % 256),
    )
    begun = time.process_time()
    for _ in range(batches):
        step(flows)
    return (time.process_time() - begun) / batches / _BATCH * 1e6


if __name__ == "__main__":
    main()
