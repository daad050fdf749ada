"""Load generator: what does a server answer, how fast and how well, at a given rate of calls?

Latency is counted from the moment a call was *meant* to be sent. A generator that waits for a slow server before it
sends the next call would leave out the calls that a real controller would have made meanwhile (coordinated omission),
and show a tail that is far too good.
"""

from airgraph_client.load.mix import read_mix
from airgraph_client.load.plan import LoadPlan
from airgraph_client.load.report import Report
from airgraph_client.load.run import run_load
from airgraph_client.load.search import highest_rate

__all__ = ["LoadPlan", "Report", "highest_rate", "read_mix", "run_load"]
