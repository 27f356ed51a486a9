"""What brings the dashboards up, as far as it can be looked at where no image can be pulled: paths, ports and names."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from router.config_load import loads
from tests.dashboards.asked import FOLDER, dashboards

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
GRAFANA = ROOT / "grafana"


def read(path: Path) -> Any:
    """A file of YAML."""
    return yaml.safe_load(path.read_text("utf-8"))


def services() -> dict[str, Any]:
    found: dict[str, Any] = read(DEPLOY / "compose.yaml")["services"]
    return found


def mounted(service: str) -> dict[str, Path]:
    """Of one service where in it which file or folder of ours is."""
    split = (volume.split(":") for volume in services()[service]["volumes"])
    return {inside: (DEPLOY / outside).resolve() for outside, inside, *_ in split if outside.startswith(".")}


def listening() -> str:
    """Where Maek listens with the config.yaml that is mounted."""
    return loads((ROOT / "config.yaml").read_text("utf-8"), {}).router.listen


def test_everything_that_is_mounted_is_there_and_cannot_be_written_to() -> None:
    for name, service in services().items():
        named = read(DEPLOY / "compose.yaml")["volumes"]
        for volume in service["volumes"]:
            outside, _, *mode = volume.split(":")
            if outside.startswith("."):
                assert (DEPLOY / outside).resolve().exists(), volume
                assert mode == ["ro"], volume
            else:
                assert outside in named, f"{name}: {volume}"


def test_the_configuration_that_is_mounted_is_the_one_that_is_served() -> None:
    (inside,) = (place for place, file in mounted("maek").items() if file == ROOT / "config.yaml")
    assert f'CMD ["serve", "-c", "{inside}"]' in (DEPLOY / "Containerfile").read_text("utf-8")


def test_prometheus_asks_where_maek_listens_and_is_asked_where_it_listens() -> None:
    (job,) = read(GRAFANA / "prometheus.yml")["scrape_configs"]
    assert (job["job_name"], job["static_configs"]) == ("maek", [{"targets": [listening()]}])
    (source,) = read(GRAFANA / "provisioning" / "datasources" / "prometheus.yaml")["datasources"]
    assert f"--web.listen-address={urlsplit(source['url']).netloc}" in services()["prometheus"]["command"]
    assert f"http://{listening()}/livez" in (DEPLOY / "Containerfile").read_text("utf-8")


def test_the_source_of_the_data_is_one_that_dashboards_take_and_knows_how_often_it_is_scraped() -> None:
    (source,) = read(GRAFANA / "provisioning" / "datasources" / "prometheus.yaml")["datasources"]
    assert source["isDefault"] is True
    assert source["type"] == dashboards()["maek-overview"]["templating"]["list"][0]["query"]
    assert source["jsonData"]["timeInterval"] == read(GRAFANA / "prometheus.yml")["global"]["scrape_interval"]


def test_the_rules_are_found_beside_the_configuration_of_prometheus() -> None:
    there = mounted("prometheus")
    assert there["/etc/prometheus/prometheus.yml"] == GRAFANA / "prometheus.yml"
    assert there["/etc/prometheus/rules"] == GRAFANA / "rules"
    (pattern,) = read(GRAFANA / "prometheus.yml")["rule_files"]
    assert {path.name for path in GRAFANA.glob(pattern)} >= {"load.yaml", "ratios.yaml", "alerts.yaml"}


def test_grafana_finds_the_dashboards_where_they_are_mounted_and_begins_with_the_overview() -> None:
    there = mounted("grafana")
    (provider,) = read(GRAFANA / "provisioning" / "dashboards" / "maek.yaml")["providers"]
    assert there[provider["options"]["path"]] == FOLDER
    assert there["/etc/grafana/provisioning"] == GRAFANA / "provisioning"
    home = Path(services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (there[str(home.parent)] / home.name).exists()
    assert provider["allowUiUpdates"] is False


def test_nobody_on_another_machine_reaches_what_has_no_key() -> None:
    told = services()
    assert {service["network_mode"] for service in told.values()} == {"host"}
    assert listening().startswith("127.0.0.1:")
    assert any(word.startswith("--web.listen-address=127.0.0.1:") for word in told["prometheus"]["command"])
    assert told["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert told["grafana"]["environment"]["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def test_every_image_of_others_has_a_version() -> None:
    images = [service["image"] for service in services().values() if "build" not in service]
    assert all(re.fullmatch(r"docker\.io/[\w/]+:v?\d+\.\d+\.\d+", image) for image in images)


def test_the_container_is_made_of_files_that_are_there_and_runs_without_root() -> None:
    lines = (DEPLOY / "Containerfile").read_text("utf-8").splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY") and "--from" not in line]
    assert all((ROOT / name).exists() for names in copied for name in names)
    assert lines.index("USER 10001") > max(number for number, line in enumerate(lines) if line.startswith("RUN"))
