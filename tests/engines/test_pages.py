"""The pages on Kafka, Spark and ClickHouse, their `py` blocks too, against the engines themselves."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.examples import documents
from tests.examples.program import ROOT

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("default"),  # of the engines, which warn of each other
]
HOWTO = ROOT / "docs" / "howto"
ALL = ("python", "py")


def test_kafka() -> None:
    kafka = pytest.importorskip("confluent_kafka", reason="confluent-kafka is of the engines group")
    cluster = kafka.Producer({"bootstrap.servers": "", "test.mock.num.brokers": 2, "log_level": 3})
    brokers = cluster.list_topics(timeout=20).brokers.values()
    servers = ",".join(f"{each.host}:{each.port}" for each in brokers)
    names = documents.run(HOWTO / "kafka.md", ALL, servers=servers)
    assert [each.exporter for each in names["decoder"].stats()] == ["192.0.2.1"]
    assert names["decoder"].events() == []


def test_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is of the engines group")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)  # or its workers are the first python3 on PATH
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT)]))
    spark = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    try:
        names = documents.run(HOWTO / "spark.md", ALL, spark=spark)
        rows = names["flows"].orderBy("bytes", "dst_port").collect()
        assert len(rows) == 9
        assert (rows[0].src_addr, rows[0].dst_addr, rows[0].dst_port, rows[0].sampling_rate) == (
            "192.168.0.1",
            "192.168.0.5",
            179,
            None,
        )
    finally:
        spark.stop()


def test_clickhouse(tmp_path: Path) -> None:
    pytest.importorskip("chdb", reason="chdb is of the engines group")
    from chdb import session  # noqa: PLC0415

    path = HOWTO / "clickhouse.md"
    names = documents.run(path, ALL)
    (table,) = re.findall(r"^```sql\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    octets = tmp_path / "flows.arrow"
    octets.write_bytes(names["body"](names["flows"]))
    clickhouse = session.Session(str(tmp_path / "clickhouse"))
    try:
        clickhouse.query(table)
        clickhouse.query(f"INSERT INTO flows FROM INFILE '{octets}' FORMAT ArrowStream")
        found = str(
            clickhouse.query(
                "SELECT count(), sum(bytes), countIf(src_addr = toIPv6('10.0.0.9')), max(toUnixTimestamp64Nano("
                "time_received_ns)), any(sampler_address), countIf(sampling_rate IS NULL) FROM flows"
            )
        )
    finally:
        clickhouse.close()
    assert found.strip() == '9,5880,4,1489636168500000000,"::ffff:192.0.2.1",9'
