"""A lab of network namespaces: client, balancer, backends, and real servers and load on them. See README.md."""

from lab.echo import Agent, TcpDigest, TcpEcho, UdpEcho
from lab.forwarding import Way
from lab.host import Host, Process
from lab.load import ConnectClient, Connection, HeldConnections, Wrk, WrkReport
from lab.pointsman import Pointsman, Service, config_text
from lab.servers import HAProxy, Nginx, NginxProxy, self_signed
from lab.topology import Lab
from lab.waiting import Deadline, wait_until

__all__ = [
    "Agent", "ConnectClient", "Connection", "Deadline", "HAProxy", "HeldConnections", "Host", "Lab", "Nginx", "NginxProxy",
    "Pointsman", "Process", "Service", "TcpDigest", "TcpEcho", "UdpEcho", "Way", "Wrk", "WrkReport", "config_text",
    "self_signed", "wait_until",
]
