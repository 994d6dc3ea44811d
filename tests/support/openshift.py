"""Objects of an OpenShift cluster that subnet labels are derived from."""

from __future__ import annotations

INSTALL = {
    "kind": "ConfigMap",
    "metadata": {"name": "cluster-config-v1", "namespace": "kube-system"},
    "data": {"install-config": "networking:\n  machineNetwork:\n  - cidr: 10.0.0.0/16\n"},
}
"""The ConfigMap with the network of the machines."""

CONFIG = {
    "apiVersion": "config.openshift.io/v1",
    "kind": "Network",
    "metadata": {"name": "cluster"},
    "spec": {
        "networkType": "OVNKubernetes",
        "clusterNetwork": [{"cidr": "10.128.0.0/14", "hostPrefix": 23}],
        "serviceNetwork": ["172.30.0.0/16"],
        "externalIP": {"autoAssignCIDRs": ["192.0.2.0/24"]},
    },
}
"""The networks of pods, Services and external addresses."""
