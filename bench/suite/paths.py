"""What is requested: for each workload a file with a path a line, the same in every run."""

import random
from datetime import date, timedelta
from pathlib import Path

ORIGINS = ["CNGGZ", "CNSHA", "CNNGB", "CNTAO", "CNYTN", "CNXMN", "CNTSN", "HKHKG"]
DESTINATIONS = ["EETLL", "FIHEL", "SEGOT", "NOOSL", "NLRTM", "GBFXT"]
HOT = "/rates?date_from=2021-01-01&date_to=2021-01-31&orig_code=CNGGZ&dest_code=EETLL"


def rates(count: int) -> list[str]:
    """31 days of any route: different keys, so that no two callers wait for the same answer."""
    draw = random.Random(7)
    paths = []
    for _ in range(count):
        first = date(2021, 1, 1) + timedelta(draw.randrange(330))
        last = first + timedelta(30)
        orig, dest = draw.choice(ORIGINS), draw.choice(DESTINATIONS)
        paths.append(f"/rates?date_from={first}&date_to={last}&orig_code={orig}&dest_code={dest}")
    return paths


def write(folder: Path) -> dict[str, Path]:
    """Writes the files; gives each by its name."""
    draw = random.Random(7)
    ports = ORIGINS + DESTINATIONS
    lists = {
        "none": ["/"],
        "row": [f"/port?code={draw.choice(ports)}" for _ in range(1024)],
        "rates": rates(1024),
        "items": [f"/items?after={draw.randrange(0, 900_000)}" for _ in range(1024)],
        "hot": [HOT],
        "slow": [f"/slow?n={at}" for at in range(64)],
    }
    folder.mkdir(exist_ok=True)
    files = {}
    for name, paths in lists.items():
        files[name] = folder / f"{name}.paths"
        files[name].write_text("".join(f"{path}\n" for path in paths))
    return files
