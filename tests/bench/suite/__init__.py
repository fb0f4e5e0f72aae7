"""bin/bench: the whole way and its parts, measured so that figures of different days and versions can be compared.

    with BenchSite(scratch, tools, overrides={"accounts/load.toml": {"window": 50}}) as site:
        result = measure(site, Load(count=60_000, conns=4, window=100), warm_up=Load(count=5_000))
    result.per_s, result.cpu_us["gateway"], result.answer_ms.p99, result.rss_mib["redis"]

=============  =========================================================================================
``code``       the version of the package that runs: this tree, or another revision made ready to run
``site``       config/bench with changes, its processes, their CPU and memory
``load``       what is offered, and who offers it: the simulators, or other load tools
``measure``    one load on one site → Result; raises BenchError when a message or a receipt is missing
``machine``    what else the machine did, and what a calibrated loop costs on it just now
``sections``   what is measured: one version, one run, its figures (``receipt_times``, ``idle``, ``parts``)
``figures``    medians and ranges over runs, ratios of versions; ``report``: the table and the JSON
``guard``      ratios to the calibrated loop, beside those in guard.json; ``flame``: a picture by py-spy
=============  =========================================================================================
"""
