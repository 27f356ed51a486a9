"""The operator's machines, asked over the network: containers, disks, load, GPUs, the tailnet."""
