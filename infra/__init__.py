"""The Pulumi program: machines and networks from a lab definition, software on top.

`__main__` wires. `cluster` knows no provider; `libvirt` is the only module that knows
pulumi_libvirt. `software` is the dynamic resource that calls provisioning. `engine` drives the
program for the command line; plain `pulumi up` runs the same program.
"""
